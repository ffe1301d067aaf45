"""Runtimes of .tflite files: TensorFlow Lite Micro, which boards have, and bytefed's own where it has no package."""

from __future__ import annotations

import platform
import sys
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bytefed.errors import ConfigError, ModelError
from bytefed.extractor import integers, tflite
from bytefed.extractor.graph import Graph, graph_of, operator_names

ARENA_BYTES = 256 * 1024
"""Memory for one model's tensors: all the RAM of the boards that bytefed is made for."""

_HAS_MICRO = (sys.platform, platform.machine()) == ("linux", "x86_64")


class Runtime(Protocol):
    """A runtime with a model in it.

    Attributes:
        is_reference: Whether it is what boards run; another one is held to each model's golden values.
    """

    is_reference: bool

    def run(self, inputs: NDArray[np.int8]) -> NDArray[Any]:
        """Return the model's outputs for inputs [n, ...], n at least 1: [n, size], in their own type."""


def runtime_of(model: bytes) -> Runtime:
    """Return a runtime with a model that has been checked.

    Raises:
        ModelError: E_MODEL_ARENA if it needs more memory than a board has.
        ConfigError: E_CONFIG_EXTRA for operators that need TensorFlow Lite Micro, where that is not installed.
    """
    try:
        from tflite_micro import runtime
    except ImportError:
        return Whole.of(model)
    try:
        return _Micro(runtime.Interpreter.from_bytes(model, arena_size=ARENA_BYTES))
    except RuntimeError as error:
        raise ModelError(
            "E_MODEL_ARENA",
            f"TensorFlow Lite Micro cannot allocate the model's tensors in {ARENA_BYTES:,} bytes.",
            "Use a smaller model.",
        ) from error


def missing(what: str, elsewhere: str = "") -> ConfigError:
    """Return the error for something that needs a package that is not installed.

    Args:
        what: The subject of the sentence.
        elsewhere: The package that will do where tflite-micro can't be had; "" for none.
    """
    here = _HAS_MICRO or bool(elsewhere)
    package = elsewhere if elsewhere and not _HAS_MICRO else "tflite-micro"
    return ConfigError(
        "E_CONFIG_EXTRA",
        f"{what} needs the package {package}, which is not installed.",
        f"Run: pip install {package}."
        if here
        else "It is for Linux on x86-64 alone: use such a computer for this.",
    )


class _Micro:
    """TensorFlow Lite Micro."""

    is_reference = True

    def __init__(self, interpreter: Any) -> None:
        self._interpreter = interpreter

    def run(self, inputs: NDArray[np.int8]) -> NDArray[Any]:
        outputs = []
        for sample in np.ascontiguousarray(inputs):
            self._interpreter.set_input(sample[np.newaxis], 0)
            self._interpreter.invoke()
            outputs.append(self._interpreter.get_output(0).ravel())
        return np.stack(outputs)


class Whole:
    """bytefed's own arithmetic in whole numbers: every operator of an extractor, and no other."""

    is_reference = False

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    @classmethod
    def of(cls, model: bytes) -> Runtime:
        """Return the runtime with a model, as ``runtime_of``."""
        table = tflite.read(model)
        names = operator_names(table)
        if strange := [name for name in names if name not in integers.OPERATORS]:
            raise missing(f"Running {strange[0]}")
        return cls(graph_of(table, names))

    def run(self, inputs: NDArray[np.int8]) -> NDArray[Any]:
        """Return the outputs, int8 [n, size]."""
        return integers.run(self._graph, inputs)
