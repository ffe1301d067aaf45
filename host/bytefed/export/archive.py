"""The head as an .npz file: what other programs read, and what `bytefed run --head` begins with."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from bytefed.export.trained import Trained


def npz(trained: Trained) -> bytes:
    """Return the file: logits = features @ W + b, with real features = scale * (code - zero_point).

    Its arrays are W (float32 [D, C]), b (float32 [C]), scale, zero_point, model_hash (CRC-32 of the extractor, 0 where
    features came ready), classes where they have names; and where real features were scaled column by column, offset
    and step of each, float64 [D]: code = clip(floor((x - offset) / step + 0.5)).
    """
    task = trained.task
    arrays: dict[str, Any] = {
        "W": trained.W,
        "b": trained.b,
        "scale": np.float32(task.quantization.scale),
        "zero_point": np.int32(task.quantization.zero_point),
        "model_hash": np.uint32(task.extractor_hash),
    }
    if task.classes:
        arrays["classes"] = np.array(task.classes)
    if task.columns is not None:
        arrays |= {"offset": task.columns.offset, "step": task.columns.step}
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    return file.getvalue()
