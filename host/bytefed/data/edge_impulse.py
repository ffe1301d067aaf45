"""Reads recordings in Edge Impulse's data acquisition format, the JSON that its tools write and export.

The format: https://docs.edgeimpulse.com, "Data acquisition format". Its CSV files are plain tables (`tables`).
"""

from __future__ import annotations

import json

import numpy as np
from numpy.typing import NDArray


def read(content: bytes) -> tuple[tuple[str, ...], NDArray[np.float32]] | None:
    """Return the sensors' names and their values, float32 [readings, sensors]; None for a document without a payload.

    Args:
        content: The file's bytes.

    Raises:
        ValueError: The file is no JSON, or its payload is no recording.
    """
    try:
        document = json.loads(content.decode("utf-8-sig"))
        if isinstance(document, dict) and "payload" not in document:
            return None
        payload = document["payload"]
        names = tuple(str(sensor["name"]) for sensor in payload["sensors"])
        with np.errstate(over="ignore"):
            values = np.array(payload["values"], np.float64).astype(np.float32)
    except (KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ValueError(f"no Edge Impulse recording ({type(error).__name__}: {error})") from error
    if values.ndim == 1 and len(names) == 1:
        values = values[:, np.newaxis]  # one sensor may give bare numbers
    if values.ndim != 2 or values.shape[1] != len(names):
        raise ValueError(f"{len(names)} sensors, but values of the shape {values.shape}")
    return names, values
