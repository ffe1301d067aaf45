"""Control messages: SPEC.md section 3, packed field by field.

Layouts are read from the table from which the structures of core and host are made, but not by the code that makes
them; the packing here is independent.
"""

from __future__ import annotations

import random
import struct
import tomllib
from collections.abc import Iterator
from pathlib import Path

TABLE = Path(__file__).resolve().parents[2] / "firmware" / "lib" / "bytefed" / "messages.toml"
FLOATS = (0.0, -0.0, 1.0, 0.05, 3.4028235e38, 1e-45, float("inf"))


def _value(kind: str, rng: random.Random, extreme: int | None) -> int:
    """Return a field's value; for a float, its bits."""
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


def layouts(path: Path) -> Iterator[tuple[str, int, list[str]]]:
    """Yield name, kind and types of the fields, of each message that has a body."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    named = {row["name"]: row["type"] for row in (*table["enum"], *table["flags"])}
    for row in table["message"]:
        if "fields" in row:
            types = [named.get(field[1], field[1]) for field in row["fields"]]
            yield row["name"].capitalize(), row["kind"], types


def lines(path: Path = TABLE) -> Iterator[str]:
    """Yield `message kind fields... body`."""
    yield "# message, kind, its fields in the order of the table, body (hexadecimal)"
    rng = random.Random(2)
    for name, kind, types in layouts(path):
        for case in range(8):
            values = [_value(t, rng, case if case < 2 else None) for t in types]
            body = b"".join(_pack(t, v) for t, v in zip(types, values, strict=True))
            yield f"{name} {kind} {' '.join(map(str, values))} {body.hex()}"
