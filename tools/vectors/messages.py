"""Control messages and data headers: SPEC.md section 3, field by field."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator

# The tables of SPEC.md: kind, and the types of the fields in their order.
TABLES: dict[str, tuple[int, str]] = {
    "Hello": (0x01, "u8 u8 u32 u32 u8"),
    "Welcome": (0x41, "u8 u8 u16 u32 u16 u32 u8 u8"),
    "Board": (0x42, "u64 u16 u16 u8 u32"),
    "Config": (0x03, "u8 u8 u8 f32 u32 f32"),
    "Begin": (0x04, "u16 u8 u8 u32"),
    "Accept": (0x44, "u8 u16 u16"),
    "Result": (0x45, "u8 u16 f32 u16 u16 u16 u32"),
    "Get": (0x05, "u16 u8"),
    "Stored": (0x47, "u16 u16 u16 u32 u8 u16 u32"),
    "Add": (0x08, "u16 u16 u8 u32 f32 i8"),
    "Added": (0x48, "u8 u16"),
    "Capture": (0x09, "u16 u16 u8 u8"),
    "Captured": (0x49, "u8 u16"),
    "Details": (0x4B, "u8 u8 u8 u8 u16 u16 u8 u8 u16 u32 u16"),
    "Error": (0x7F, "u8"),
}
FLOATS = (0.0, -0.0, 1.0, 0.05, 3.4028235e38, 1e-45, float("inf"))


def _value(kind: str, rng: random.Random, extreme: int | None) -> int:
    """Return a field's value; of a float, its bits."""
    if kind == "f32":
        choice = FLOATS[extreme] if extreme is not None else rng.choice(FLOATS)
        return int.from_bytes(struct.pack("<f", choice), "little")
    bits = int(kind[1:])
    low = -(1 << (bits - 1)) if kind[0] == "i" else 0
    high = low + (1 << bits) - 1
    return rng.randint(low, high) if extreme is None else (low, high)[extreme % 2]


def _pack(kind: str, value: int) -> bytes:
    size = int(kind[1:]) // 8
    return (value & (1 << 8 * size) - 1).to_bytes(size, "little")


def lines() -> Iterator[str]:
    """Yield `message kind fields... body`."""
    yield "# message, kind, its fields in the order of the table, body (hexadecimal)"
    rng = random.Random(2)
    for name, (kind, table) in TABLES.items():
        types = table.split()
        for case in range(8):
            values = [_value(t, rng, case if case < 2 else None) for t in types]
            body = b"".join(_pack(t, v) for t, v in zip(types, values, strict=True))
            yield f"{name} {kind} {' '.join(map(str, values))} {body.hex()}"
