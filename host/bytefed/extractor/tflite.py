"""A bounded reader of .tflite files: FlatBuffer bytes in, plain Python values out.

The TFLM interpreter trusts its file: a wrong offset makes it read outside the buffer and takes the whole
process down. So every offset, length and alignment that it will follow is checked here first, and a file
with anything that this reader doesn't know is refused. The module `check` judges what the values mean.

The format: https://flatbuffers.dev/internals, the tables: tensorflow/lite/schema/schema.fbs.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from bytefed.checkout import shipped
from bytefed.errors import ModelError

MAX_FILE_BYTES = 1 << 20
"""The largest file that is read: no board that bytefed is made for has more flash than this."""
MAX_TABLES = 4096
"""The most tables in one file; shared tables count each time they are reached."""

_SCALARS = {
    "bool": "?", "i8": "b", "u8": "B", "i32": "<i", "u32": "<I", "i64": "<q", "u64": "<Q", "f32": "<f",
}  # fmt: skip

# Every table that a model without control flow may hold: the fields by number, as (name, kind). "[x]" is a
# vector, a capitalised kind is a table, "union" is a table named by the type field before it.
_Fields = dict[int, tuple[str, str]]
_TABLES: dict[str, _Fields] = {
    "Model": {
        0: ("version", "u32"), 1: ("operator_codes", "[OperatorCode]"), 2: ("subgraphs", "[SubGraph]"),
        3: ("description", "str"), 4: ("buffers", "[Buffer]"), 5: ("metadata_buffer", "[i32]"),
        6: ("metadata", "[Metadata]"), 7: ("signature_defs", "[SignatureDef]"),
    },
    "OperatorCode": {
        0: ("deprecated_code", "i8"), 1: ("custom_code", "str"), 2: ("version", "i32"), 3: ("code", "i32"),
    },
    "SubGraph": {
        0: ("tensors", "[Tensor]"), 1: ("inputs", "[i32]"), 2: ("outputs", "[i32]"),
        3: ("operators", "[Operator]"), 4: ("name", "str"),
    },
    "Tensor": {
        0: ("shape", "[i32]"), 1: ("type", "i8"), 2: ("buffer", "u32"), 3: ("name", "str"),
        4: ("quantization", "Quantization"), 5: ("is_variable", "bool"),
        7: ("shape_signature", "[i32]"), 8: ("has_rank", "bool"),
    },
    "Quantization": {
        0: ("min", "[f32]"), 1: ("max", "[f32]"), 2: ("scale", "[f32]"), 3: ("zero_point", "[i64]"),
        4: ("details_type", "u8"), 6: ("axis", "i32"),
    },
    "Operator": {
        0: ("opcode", "u32"), 1: ("inputs", "[i32]"), 2: ("outputs", "[i32]"), 3: ("options_type", "u8"),
        4: ("options", "union"), 5: ("custom_options", "[u8]"), 6: ("custom_options_format", "i8"),
        7: ("mutating_inputs", "[bool]"), 8: ("intermediates", "[i32]"),
    },
    "Buffer": {0: ("data", "[u8]")},
    "Metadata": {0: ("name", "str"), 1: ("buffer", "u32")},
    "SignatureDef": {
        0: ("inputs", "[TensorMap]"), 1: ("outputs", "[TensorMap]"), 2: ("key", "str"),
        4: ("subgraph", "u32"),
    },
    "TensorMap": {0: ("name", "str"), 1: ("tensor", "u32")},
    "Conv2D": {
        0: ("padding", "i8"), 1: ("stride_w", "i32"), 2: ("stride_h", "i32"), 3: ("activation", "i8"),
        4: ("dilation_w", "i32"), 5: ("dilation_h", "i32"), 6: ("bias_type", "i8"),
    },
    "DepthwiseConv2D": {
        0: ("padding", "i8"), 1: ("stride_w", "i32"), 2: ("stride_h", "i32"), 3: ("depth_multiplier", "i32"),
        4: ("activation", "i8"), 5: ("dilation_w", "i32"), 6: ("dilation_h", "i32"),
    },
    "Pool2D": {
        0: ("padding", "i8"), 1: ("stride_w", "i32"), 2: ("stride_h", "i32"), 3: ("filter_w", "i32"),
        4: ("filter_h", "i32"), 5: ("activation", "i8"),
    },
    "FullyConnected": {
        0: ("activation", "i8"), 1: ("weights_format", "i8"), 2: ("keep_num_dims", "bool"),
        3: ("asymmetric_inputs", "bool"), 4: ("bias_type", "i8"),
    },
    "Reshape": {0: ("new_shape", "[i32]")},
    "Reducer": {0: ("keep_dims", "bool")},
}  # fmt: skip
_OPTIONS = {1: "Conv2D", 2: "DepthwiseConv2D", 5: "Pool2D", 8: "FullyConnected", 17: "Reshape", 27: "Reducer"}
_DEFAULTS = {"dilation_w": 1, "dilation_h": 1, "version": 1}

Table = dict[str, Any]
"""A table as read: field name -> int, float, bool, str, numpy array, Table, or list of Tables."""


def read(data: bytes) -> Table:
    """Read a .tflite file, following no offset that leaves it.

    Args:
        data: The file's bytes, at most MAX_FILE_BYTES.

    Returns:
        The root table, ``Model``; every known field is present, absent ones with the schema's default.

    Raises:
        ModelError: E_MODEL_CORRUPT for a file that is not well-formed, E_MODEL_UNSUPPORTED for a table's field
            that is not known.
    """
    if len(data) < 8 or data[4:8] != b"TFL3":
        raise corrupt("it does not start like a TensorFlow Lite file (TFL3)")
    if len(data) > MAX_FILE_BYTES:
        raise unsupported(
            f"it has more than {MAX_FILE_BYTES:,} bytes, and no board has that flash", "Use a smaller model."
        )
    return _Reader(data).table(0, "Model")


def corrupt(what: str) -> ModelError:
    """The error for a file that is not a well-formed .tflite of the kind in use here."""
    return ModelError(
        "E_MODEL_CORRUPT",
        f"The .tflite file cannot be used: {what}.",
        f"Copy it again from where it was made, or convert it again as {shipped('models/README.md')} shows.",
    )


def unsupported(what: str, remedy: str = "") -> ModelError:
    """The error for a sound model that can't be a feature extractor here."""
    return ModelError(
        "E_MODEL_UNSUPPORTED",
        f"The model cannot be a feature extractor: {what}.",
        remedy or f"Convert it to full int8 with a batch fixed at 1, as {shipped('models/README.md')} shows.",
    )


class _Reader:
    """Checks and follows offsets in one file; counts the tables and texts visited."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._tables_left = MAX_TABLES
        self._text_left = len(data)

    def table(self, at: int, kind: str) -> Table:
        """The table that the offset stored at `at` points to."""
        self._tables_left -= 1
        if self._tables_left < 0:
            raise corrupt(f"it holds more than {MAX_TABLES} tables")
        start = self._follow(at)
        slots = self._slots(start)
        fields = _TABLES[kind]
        for number, offset in enumerate(slots):
            if offset and number not in fields:
                raise unsupported(f"a table {kind} uses its field {number}, which nothing here reads")
        values: Table = {}
        for number, (name, field_kind) in sorted(fields.items()):
            offset = slots[number] if number < len(slots) else 0
            if field_kind == "union":
                # Options of other operators are not followed: `check` refuses these by name.
                field_kind = _OPTIONS.get(values["options_type"], "")
                offset = offset if field_kind else 0
            values[name] = self._field(start + offset, field_kind) if offset else _default(name, field_kind)
        return values

    def _slots(self, start: int) -> list[int]:
        """Field offsets of the table at `start`, by field number; 0 is absent; each within the table."""
        vtable = start - self._number("i32", start)
        vtable_bytes = self._u16(vtable)
        table_bytes = self._u16(vtable + 2)
        if vtable_bytes < 4 or vtable_bytes % 2 or start + table_bytes > len(self._data):
            raise corrupt(f"the table at byte {start} is malformed")
        slots = [self._u16(vtable + i) for i in range(4, vtable_bytes, 2)]
        if any(offset and not 4 <= offset < table_bytes for offset in slots):
            raise corrupt(f"a field lies outside its table at byte {start}")
        return slots

    def _field(self, at: int, kind: str) -> Any:
        """The value of a field of the given kind, stored at `at`."""
        if kind in _SCALARS:
            return self._number(kind, at)
        if kind == "str":
            return self._string(at)
        if not kind.startswith("["):
            return self.table(at, kind)
        element = kind[1:-1]
        if element in _SCALARS:
            return self._numbers(at, element)
        start, count = self._vector(at, 4)
        return [self.table(start + 4 * i, element) for i in range(count)]

    def _string(self, at: int) -> str:
        """The text that the offset at `at` points to; must end in a zero byte."""
        start, count = self._vector(at, 1)
        self._text_left -= count  # a text counts each time it is reached, as tables do
        if self._text_left < 0:
            raise corrupt("its texts overlap")
        if self._data[start + count : start + count + 1] != b"\0":
            raise corrupt(f"the text at byte {start} has no end")
        return self._data[start : start + count].decode("utf-8", "replace")

    def _numbers(self, at: int, kind: str) -> np.ndarray[Any, Any]:
        """A vector of scalars, as a view of the file."""
        dtype = np.dtype(_SCALARS[kind])
        start, count = self._vector(at, dtype.itemsize)
        return np.frombuffer(self._data, dtype, count, start)

    def _vector(self, at: int, item_bytes: int) -> tuple[int, int]:
        """(first byte, number of items) of the vector that the offset at `at` points to."""
        start = self._follow(at)
        count = self._number("u32", start)
        first = start + 4
        if count > (len(self._data) - first) // item_bytes:
            raise corrupt(f"the vector at byte {start} is longer than the file")
        if count and first % item_bytes:
            raise corrupt(f"the vector at byte {start} is not aligned")
        return first, count

    def _follow(self, at: int) -> int:
        """The position that the offset stored at `at` points to."""
        return at + int(self._number("u32", at))

    def _number(self, kind: str, at: int) -> Any:
        """The scalar stored at `at`."""
        code = _SCALARS[kind]
        size = struct.calcsize(code)
        if at % size or not 0 <= at <= len(self._data) - size:
            raise corrupt(f"an offset points to byte {at}, where nothing can be")
        (value,) = struct.unpack_from(code, self._data, at)
        return value

    def _u16(self, at: int) -> int:
        if at % 2 or not 0 <= at <= len(self._data) - 2:
            raise corrupt(f"an offset points to byte {at}, where nothing can be")
        return int.from_bytes(self._data[at : at + 2], "little")


def _default(name: str, kind: str) -> Any:
    """Return the schema's default for an absent field; an absent table is None, an absent vector is empty."""
    if kind in _SCALARS:
        return _DEFAULTS.get(name, 0)
    if kind == "str":
        return ""
    if not kind.startswith("["):
        return None
    element = kind[1:-1]
    return np.empty(0, np.dtype(_SCALARS[element])) if element in _SCALARS else []
