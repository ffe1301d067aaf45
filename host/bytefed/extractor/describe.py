"""Describes extractors: makes a manifest from a .tflite file."""

from __future__ import annotations

import ctypes
import os
import re
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

from bytefed.extractor import board_scales, tflite
from bytefed.extractor.extractor import GOLDEN, Extractor, golden, golden_inputs
from bytefed.extractor.graph import Graph, graph_of, operator_names
from bytefed.extractor.manifest import digest
from bytefed.extractor.runtime import ARENA_BYTES

_NOTES, _NOTE = (
    1024,
    96,
)  # bytes that TFLM keeps in the arena: once, and for each tensor and operator's part, at most


def describe(name: str, model: bytes, classes: Sequence[str]) -> dict[str, Any]:
    """Return the content of `manifest.json` for a model, after checking the model.

    Args:
        name: Name of the model and stem of its file.
        model: The .tflite file.
        classes: Names of the classes that its head is to tell apart.

    Raises:
        ModelError: As `Extractor` raises it; E_MODEL_SCALES for golden values that boards would not compute.
        ConfigError: E_CONFIG_EXTRA if a package that it needs is not installed.
    """
    extractor = Extractor(model)
    board_scales.check(_graph(model), golden_inputs(*GOLDEN, extractor.input_shape))
    return {
        "name": name,
        "sha256": digest(model),
        "model_hash": extractor.model_hash,
        "bytes": len(model),
        "D": extractor.D,
        "C": len(classes),
        "classes": list(classes),
        "input_shape": list(extractor.input_shape),
        "input_scale": extractor.input_quantization.scale,
        "input_zero_point": extractor.input_quantization.zero_point,
        "feature_scale": extractor.quantization.scale,
        "feature_zero_point": extractor.quantization.zero_point,
        "arena_bytes": arena_bytes(model),
        "ops": list(extractor.ops),
        "golden": golden(extractor),
    }


def arena_bytes(model: bytes) -> int:
    """Return the bytes of the tensor arena that a model needs, as TFLM's own allocator reports on x86-64 Linux.

    Where TFLM has no package it is a bound: all tensors that are computed, none in another's place, and TFLM's notes on
    tensors and operators.
    """
    try:
        from tflite_micro import runtime
    except ImportError:
        return arena_bound(model)
    interpreter = runtime.Interpreter.from_bytes(model, arena_size=ARENA_BYTES)
    report = _stderr_of(interpreter.print_allocations)
    found = re.search(r"Arena allocation total (\d+) bytes", report)
    if found is None:
        raise RuntimeError(f"TFLM did not report its memory: {report!r}")
    return int(found[1])


def arena_bound(model: bytes) -> int:
    """Return bytes that are no fewer than the tensor arena of a model: no tensor takes another's place in them."""
    graph = _graph(model)
    computed = [graph.input, *(operator.output for operator in graph.operators)]
    values = sum(_aligned(tensor.size * (1 if tensor.int8 else 4)) for tensor in computed)
    return values + _NOTES + _NOTE * (len(computed) + 4 * len(graph.operators))


def dense_layers(model: bytes) -> list[board_scales.Layer]:
    """Return how far a checked model's dense layers may part from boards."""
    return board_scales.layers(_graph(model))


def _graph(model: bytes) -> Graph:
    table = tflite.read(model)
    return graph_of(table, operator_names(table))


def _aligned(size: int) -> int:
    return -(-size // 16) * 16


def _stderr_of(call: Callable[[], object]) -> str:
    """Return the text that C++ code writes to the process's error stream during a call."""
    saved = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            call()
            ctypes.CDLL(None).fflush(None)
        finally:
            os.dup2(saved, 2)
            os.close(saved)
        file.seek(0)
        return file.read().decode(errors="replace")
