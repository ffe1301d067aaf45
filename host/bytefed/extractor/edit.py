"""Additions at the end of a .tflite file: tensors and operators behind its output; what was there stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bytefed.extractor.runtime import missing
from bytefed.extractor.tflite import corrupt

_SCHEMAS = (
    "tflite_micro.tensorflow.lite.micro.python.schema_py_generated",
    "ai_edge_litert.schema_py_generated",
)

_TYPES = {np.dtype(np.float32): 0, np.dtype(np.int32): 2, np.dtype(np.int8): 9}
_FULLY_CONNECTED_OPTIONS = 8
FULLY_CONNECTED, DEQUANTIZE = (9, 4), (6, 2)
"""Operators, each with its first version that takes int8."""


class Editor:
    """A model that gets further operators, one behind the other.

    Args:
        model: The .tflite file, which `tflite.read` has taken.

    Attributes:
        output: Number of the tensor that is the model's output.

    Raises:
        ConfigError: E_CONFIG_EXTRA if a package that it needs is not installed.
        ModelError: E_MODEL_CORRUPT for tables that can't be read; all methods raise it likewise.
    """

    def __init__(self, model: bytes) -> None:
        self._schema, self._flatbuffers = schema()
        self._size = len(model)
        try:
            root = self._schema.Model.GetRootAsModel(bytearray(model), 0)
            self._model = self._schema.ModelT.InitFromObj(root)
            self._graph = self._model.subgraphs[0]
            self.output = int(self._graph.outputs[0])
        except Exception as error:  # the schema's reader does not check what `tflite.read` left unread
            raise _unread(error) from error

    def constant(self, name: str, values: NDArray[Any], scale: float = 0.0) -> int:
        """Add a constant, symmetric if it is quantised, and return its number.

        Args:
            name: Its name in the file.
            values: float32, or int8 or int32 with a scale.
            scale: Real value of a step; 0 for float32.
        """
        little = np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<"))
        return self._tensor(name, values.shape, values.dtype, (scale, 0) if scale else None, little.tobytes())

    def computed(
        self, name: str, shape: tuple[int, ...], dtype: type, code: tuple[float, int] | None = None
    ) -> int:
        """Add a tensor that an operator computes, and return its number.

        Args:
            name: Its name in the file.
            shape: Its shape.
            dtype: np.int8 or np.float32.
            code: Scale and zero point of int8; None for float32.
        """
        return self._tensor(name, shape, np.dtype(dtype), code, b"")

    def append(self, operator: tuple[int, int], inputs: Sequence[int], output: int) -> None:
        """Add an operator at the end, whose output is then that of the model.

        Args:
            operator: FULLY_CONNECTED or DEQUANTIZE.
            inputs: Numbers of the tensors that it reads.
            output: Number of the tensor that it computes.
        """
        op = self._schema.OperatorT()
        op.opcodeIndex = self._code(operator)
        op.inputs, op.outputs = list(inputs), [output]
        if operator == FULLY_CONNECTED:
            op.builtinOptionsType = _FULLY_CONNECTED_OPTIONS
            op.builtinOptions = self._schema.FullyConnectedOptionsT()
        self._graph.operators.append(op)
        self._graph.outputs, self.output = [output], output

    def packed(self) -> bytes:
        """Return the new file; signatures and notes of tools, which were about the former graph, are left out."""
        model = self._model
        model.signatureDefs, model.metadata, model.metadataBuffer = None, None, None
        added = sum(len(buffer.data) for buffer in model.buffers if buffer.data is not None)
        try:
            builder = self._flatbuffers.Builder(self._size + added + 1024)
            builder.Finish(model.Pack(builder), b"TFL3")
        except Exception as error:  # as above
            raise _unread(error) from error
        return bytes(builder.Output())

    def _tensor(
        self,
        name: str,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        code: tuple[float, int] | None,
        data: bytes,
    ) -> int:
        tensor = self._schema.TensorT()
        tensor.name, tensor.shape, tensor.hasRank = name.encode(), list(shape), True
        tensor.type = _TYPES[dtype]
        if code is not None:
            tensor.quantization = self._schema.QuantizationParametersT()
            tensor.quantization.scale, tensor.quantization.zeroPoint = [code[0]], [code[1]]
        buffer = self._schema.BufferT()
        buffer.data = np.frombuffer(data, np.uint8) if data else None
        self._model.buffers.append(buffer)
        tensor.buffer = len(self._model.buffers) - 1
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def _code(self, operator: tuple[int, int]) -> int:
        """Return the number of an operator among the model's operator codes, adding it if it is new."""
        kind, version = operator
        for number, code in enumerate(self._model.operatorCodes):
            if max(code.builtinCode, code.deprecatedBuiltinCode) == kind:
                return number
        code = self._schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = kind
        code.version = version
        self._model.operatorCodes.append(code)
        return len(self._model.operatorCodes) - 1


def schema() -> tuple[Any, Any]:
    """Return the modules that read and write tables of .tflite files: a runtime's schema, and flatbuffers.

    Raises:
        ConfigError: E_CONFIG_EXTRA if a package that it needs is not installed.
    """
    for name in _SCHEMAS:
        try:
            return import_module(name), import_module("flatbuffers")
        except ImportError:
            continue
    raise missing("Changing a model", "ai-edge-litert")


def _unread(error: Exception) -> Exception:
    return corrupt(f"its tables can't be read ({type(error).__name__}: {error})")
