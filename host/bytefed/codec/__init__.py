"""Codecs: the ways to write a head or a delta as a blob (SPEC.md section 5).

Blobs are made and read by the core itself, the code that runs on the boards, so the host knows exactly what each board
holds. Sizes are closed forms of the number of parameters and need no core. A codec is a row of CODECS here, and a
file and a row in the core.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bytefed import _core
from bytefed.errors import ConfigError, did_you_mean

Values = NDArray[np.float32]

_SCALE = 2  # bytes of the bfloat16 that a lossy blob starts with


@dataclass(frozen=True)
class Codec:
    """A codec.

    Attributes:
        number: Its number on the wire.
        lossy: Whether decoded values can differ from those that were encoded.
        size: Returns the bytes of a blob of n parameters, n at least 1.
    """

    number: int
    lossy: bool
    size: Callable[[int], int]

    def encode(self, values: Values, seed: int) -> tuple[bytes, Values]:
        """Return the blob of float32 [n] and the float32 [n] that it stands for.

        Args:
            values: float32 [n], finite, n at least 1; not changed.
            seed: Seed of the codec's random draws, 32 bits.
        """
        blob = _core.encode(self.number, np.array(values, np.float32), seed)
        return blob, self.decode(blob, len(values), seed)

    def decode(self, blob: bytes, count: int, seed: int) -> Values:
        """Return the float32 [count] that a blob stands for; any bytes are safe.

        Raises:
            ValueError: The blob does not have size(count) bytes. Code that takes blobs from a link checks this first.
        """
        values = np.empty(count, np.float32)
        _core.decode(self.number, blob, seed, values)
        return values


def _columns(count: int) -> int:
    """Return the number of columns of 32 that hold `count` parameters."""
    return -(-count // 32)


def _stc_size(count: int, percent: int) -> int:
    """Return the bytes of an stc blob: k parameters with l low bits and a sign each, then an Elias-Fano upper part."""
    kept = max(1, count * percent // 100)
    low = (count // kept).bit_length() - 1
    return _SCALE + -(-(kept * (low + 2) + ((count - 1) >> low)) // 8)


CODECS: dict[str, Codec] = {
    "float32": Codec(0, False, lambda n: 4 * n),
    "int8": Codec(1, True, lambda n: _SCALE + n),
    "onebit": Codec(2, True, lambda n: _SCALE + 4 * _columns(n)),
    "twobit": Codec(3, True, lambda n: _SCALE + 8 * _columns(n)),
    "sign": Codec(4, True, lambda n: _SCALE + -(-n // 8)),
    "stc5": Codec(5, True, lambda n: _stc_size(n, 5)),
    "stc10": Codec(6, True, lambda n: _stc_size(n, 10)),
}
"""Every codec by its name; sizes as in the table of SPEC.md section 5."""


def find(name: str) -> Codec:
    """Return the codec of that name.

    Raises:
        ConfigError: E_CONFIG_CODEC when there is none.
    """
    if name not in CODECS:
        raise ConfigError(
            "E_CONFIG_CODEC",
            f"There is no codec '{name}'.",
            f"{did_you_mean(name, CODECS)}Give --codec one of: {', '.join(CODECS)}; or two as DOWNLINK/UPLINK.",
        )
    return CODECS[name]


def pair(text: str) -> tuple[str, str]:
    """Return the names of the codecs of downlink and uplink.

    Args:
        text: NAME for both, or DOWNLINK/UPLINK.

    Raises:
        ConfigError: E_CONFIG_CODEC if there is no such codec.
    """
    down, _, up = text.partition("/")
    find(down)
    find(up or down)
    return down, up or down


def instructions(codecs: str, *, encodes: bool = True) -> int:
    """Return the instructions that a Cortex-M4F executes to decode one head of 64x10 and encode one delta.

    An emulator counted instructions, not cycles. `make bench-mcu RECORD=1` writes the file, and a test compares it with
    each build.

    Args:
        codecs: NAME, or DOWNLINK/UPLINK.
        encodes: Whether a delta is encoded; in secure sums that is another work.
    """
    table = json.loads((Path(__file__).parent / "instructions.json").read_text(encoding="utf-8"))
    down, _, up = codecs.partition("/")
    return int(table[down]["decode"] + (table[up or down]["encode"] if encodes else 0))


def board_memory(codec: Codec, count: int) -> int:
    """Return the bytes of RAM that a codec takes on a board beyond float32, for `count` parameters.

    That is the residual, working space in columns of 32, and space for the largest lossy blob (port.h: plain_floats):
    that of int8 or, for a tiny head, the ten bytes of twobit.
    """
    if not codec.lossy:
        return 0
    return 4 * (32 * _columns(count) + max((CODECS["int8"].size(count) + 3) // 4, 3))


def downlink_seed(round: int) -> int:  # noqa: A002  # the field's own word
    """Return the seed of the blob that goes to a board in a round, 1..65535."""
    return _core.downlink_seed(round)


def uplink_seed(seed: int, round: int) -> int:  # noqa: A002
    """Return the seed of the blob that comes in a round from a board that was given `seed` in CONFIG."""
    return _core.uplink_seed(seed, round)
