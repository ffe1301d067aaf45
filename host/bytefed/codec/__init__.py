"""Codecs: what a head or a delta looks like in a blob (SPEC.md section 5).

The same arithmetic as the board's, bit for bit, so the host knows exactly what each board holds. A codec is a
module with three functions and a row of CODECS.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from bytefed.codec import float32, int8, onebit, sign, stc, twobit
from bytefed.codec.arithmetic import GOLDEN, Values, mixed_seed
from bytefed.errors import ConfigError

__all__ = [
    "CODECS",
    "Codec",
    "Values",
    "board_memory",
    "downlink_seed",
    "find",
    "instructions",
    "uplink_seed",
]


class Codec(NamedTuple):
    """A codec.

    Attributes:
        number: Its number on the wire.
        lossy: Whether what comes out differs from what went in.
        size: Bytes of a blob, by the number of parameters.
        encode: (values float32 [n], seed) to the blob and the float32 [n] that it stands for.
        decode: (blob of the right size, n, seed) to the float32 [n] that it stands for.
    """

    number: int
    lossy: bool
    size: Callable[[int], int]
    encode: Callable[[Values, int], tuple[bytes, Values]]
    decode: Callable[[bytes, int, int], Values]


CODECS: dict[str, Codec] = {
    "float32": Codec(0, False, float32.size, float32.encode, float32.decode),
    "int8": Codec(1, True, int8.size, int8.encode, int8.decode),
    "onebit": Codec(2, True, onebit.size, onebit.encode, onebit.decode),
    "twobit": Codec(3, True, twobit.size, twobit.encode, twobit.decode),
    "sign": Codec(4, True, sign.size, sign.encode, sign.decode),
    "stc5": Codec(5, True, stc.Stc(5).size, stc.Stc(5).encode, stc.Stc(5).decode),
    "stc10": Codec(6, True, stc.Stc(10).size, stc.Stc(10).encode, stc.Stc(10).decode),
}


def find(name: str) -> Codec:
    """Return the codec of that name.

    Raises:
        ConfigError: E_CONFIG_CODEC when there is none.
    """
    if name not in CODECS:
        raise ConfigError(
            "E_CONFIG_CODEC", f"There is no codec '{name}'.", f"Take one of: {', '.join(CODECS)}."
        )
    return CODECS[name]


def instructions(codecs: str) -> int:
    """Return the instructions that a Cortex-M4F executes to decode one head of 64x10 and encode one delta.

    Counted by an emulator, not cycles; `make bench-mcu RECORD=1` writes the file, and a test holds it to each build.

    Args:
        codecs: NAME, or DOWNLINK/UPLINK.
    """
    table = json.loads((Path(__file__).parent / "instructions.json").read_text(encoding="utf-8"))
    down, _, up = codecs.partition("/")
    return int(table[down]["decode"] + table[up or down]["encode"])


def board_memory(codec: Codec, count: int) -> int:
    """Return the bytes of RAM that a codec takes on a board beyond float32, for `count` parameters.

    The residual; room to work in columns of 32; and room for the largest lossy blob (port.h: local_floats): int8's, or
    of a tiny head the ten bytes of twobit's.
    """
    if not codec.lossy:
        return 0
    return 4 * (count + (-(-count // 32) * 32 - count) + max((int8.size(count) + 3) // 4, 3))


def downlink_seed(round: int) -> int:  # noqa: A002  # the field's own word
    """Return the seed of what goes to a board in a round, 1..65535."""
    return mixed_seed(GOLDEN * (2 * round))


def uplink_seed(seed: int, round: int) -> int:  # noqa: A002
    """Return the seed of what comes from a board that was given `seed` in CONFIG."""
    return mixed_seed(seed + GOLDEN * (2 * round + 1))
