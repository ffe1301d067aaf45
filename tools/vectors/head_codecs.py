"""Codecs: SPEC.md section 5, in plain loops over numpy's float32.

It is slow and simple on purpose: the core and the host are both compared with it.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator

import numpy as np

F = np.float32
MASK = 0xFFFFFFFF
GOLDEN = 0x9E3779B9
Values = list[np.float32]


def mix32(x: int) -> int:
    """SPEC 7.2."""
    x &= MASK
    x = (x ^ x >> 16) * 0x7FEB352D & MASK
    x = (x ^ x >> 15) * 0x846CA68B & MASK
    return x ^ x >> 16


def word(seed: int, j: int) -> int:
    """SPEC 5.1."""
    return mix32(seed + GOLDEN * j)


def bits_of(x: np.float32) -> int:
    """Return the bits of a float32."""
    return int(struct.unpack("<I", struct.pack("<f", x))[0])


def of_bits(bits: int) -> np.float32:
    """Return the float32 with these bits."""
    return F(struct.unpack("<f", struct.pack("<I", bits))[0])


def bfloat16(x: np.float32) -> np.float32:
    """Round to nearest, ties to even."""
    low = bits_of(x) & 0xFFFF
    upper = bits_of(x) >> 16
    if low > 0x8000 or (low == 0x8000 and upper & 1):
        upper += 1
    return of_bits(upper << 16)


def bfloat16_up(x: np.float32) -> np.float32:
    """Round away from zero."""
    upper = bits_of(x) >> 16
    return of_bits((upper + 1 if bits_of(x) & 0xFFFF else upper) << 16)


def minus(x: np.float32) -> bool:
    """Return whether x has a minus sign."""
    return bits_of(x) >> 31 == 1


def total(values: Values) -> np.float32:
    """Return the sum, added from left to right."""
    result = F(0)
    for value in values:
        result = F(result + value)
    return result


def packed(scale: np.float32, bits: list[int]) -> bytes:
    """Return the bytes of a scale and of bits."""
    body = bytearray(-(-len(bits) // 8))
    for i, bit in enumerate(bits):
        body[i // 8] |= bit << i % 8
    return struct.pack("<H", bits_of(scale) >> 16) + bytes(body)


# Each codec returns the blob and the values that it stands for, and the encoding error if that is not the difference.


def float32(e: Values, _: int) -> tuple[bytes, Values]:
    """Codec 0."""
    return struct.pack(f"<{len(e)}f", *e), list(e)


def int8(e: Values, seed: int) -> tuple[bytes, Values]:
    """SPEC 5.2."""
    m = max(abs(x) for x in e)
    if m < F(2.0**-100):
        return bytes(2 + len(e)), [F(0)] * len(e)
    scale = bfloat16_up(F(m / F(127)))
    inverse = F(F(1) / scale)
    quantized = []
    for i, x in enumerate(e):
        half = word(seed, i // 2) >> 16 * (i % 2) & 0xFFFF
        shifted = F(F(x * inverse) + F(F(128) + F(half / 65536)))
        quantized.append(min(int(shifted), 255) - 128)
    values = [F(F(q) * scale) for q in quantized]
    return struct.pack(f"<H{len(e)}b", bits_of(scale) >> 16, *quantized), values


def mixed(x: Values, columns: int) -> Values:
    """SPEC 5.3: mixing."""
    x = list(x)
    for h in (1, 2, 4, 8, 16):
        for row in range(32):
            if row & h:
                continue
            for column in range(columns):
                upper, lower = row * columns + column, (row + h) * columns + column
                x[upper], x[lower] = F(x[upper] + x[lower]), F(x[upper] - x[lower])
    return x


def flipped(x: Values, seed: int) -> Values:
    """SPEC 5.3: signs."""
    return [-v if word(seed, i // 32) >> i % 32 & 1 else v for i, v in enumerate(x)]


def rotated(e: Values, seed: int, two: bool) -> tuple[bytes, Values, Values]:
    """SPEC 5.3, with the encoding error."""
    columns = -(-len(e) // 32)
    x = flipped(e, seed) + [F(0)] * (32 * columns - len(e))
    x = mixed(x, columns)
    m = F(total([abs(v) for v in x]) / F(len(x)))
    bits: list[int] = []
    levels: Values = []
    if two:
        for v in x:
            high = abs(v) > F(m * F(1.2303))
            bits += [0 if minus(v) else 1, int(high)]
            levels.append(F(10 if high else 3) * (F(-1) if minus(v) else F(1)))
        product = total([F(abs(v) * abs(level)) for v, level in zip(x, levels, strict=True)])
        scale = bfloat16(F(product / F(sum(int(level) ** 2 for level in levels))))
    else:
        bits = [0 if minus(v) else 1 for v in x]
        levels = [F(-1) if minus(v) else F(1) for v in x]
        scale = bfloat16(m)
    values = [F(v * F(scale / F(32))) for v in mixed(levels, columns)]
    lacks = mixed([F(v - F(level * scale)) for v, level in zip(x, levels, strict=True)], columns)
    lacks = [F(v * F(1 / 32)) for v in lacks[: len(e)]]
    return packed(scale, bits), flipped(values[: len(e)], seed), flipped(lacks, seed)


def onebit(e: Values, seed: int) -> tuple[bytes, Values, Values]:
    """SPEC 5.3."""
    return rotated(e, seed, two=False)


def twobit(e: Values, seed: int) -> tuple[bytes, Values, Values]:
    """SPEC 5.3."""
    return rotated(e, seed, two=True)


def sign(e: Values, _: int) -> tuple[bytes, Values]:
    """SPEC 5.4."""
    scale = bfloat16(F(total([abs(x) for x in e]) / F(len(e))))
    values = [-scale if minus(x) else scale for x in e]
    return packed(scale, [0 if minus(x) else 1 for x in e]), values


def stc(e: Values, percent: int) -> tuple[bytes, Values]:
    """SPEC 5.5."""
    kept = max(1, len(e) * percent // 100)
    low = 0
    while kept * 2 ** (low + 1) <= len(e):
        low += 1
    order = sorted(range(len(e)), key=lambda i: (-(bits_of(abs(e[i])) >> 16), i))
    chosen = sorted(order[:kept])
    scale = bfloat16(F(total([abs(e[i]) for i in chosen]) / F(kept)))
    bits: list[int] = []
    upper = [0] * (kept + ((len(e) - 1) >> low))
    values = [F(0)] * len(e)
    for j, i in enumerate(chosen):
        bits += [i >> bit & 1 for bit in range(low)] + [int(minus(e[i]))]
        upper[(i >> low) + j] = 1
        values[i] = -scale if minus(e[i]) else scale
    return packed(scale, bits + upper), values


CODECS: dict[str, Callable[[Values, int], tuple[bytes, Values] | tuple[bytes, Values, Values]]] = {
    "float32": float32,
    "int8": int8,
    "onebit": onebit,
    "twobit": twobit,
    "sign": sign,
    "stc5": lambda e, _: stc(e, 5),
    "stc10": lambda e, _: stc(e, 10),
}


def hexed(values: Values) -> str:
    """Return float32, little-endian, as hexadecimal digits."""
    return np.array(values, "<f4").tobytes().hex()


def inputs() -> list[tuple[str, int, int, list[float]]]:
    """Return name, features, classes and values of each case."""
    rng = np.random.RandomState(1)
    ties = np.repeat([0.5, -0.25], 11) * np.tile([1.0, -1.0], 11)
    return [
        ("smallest head", 1, 2, [0.25, -1.0, 3.0, -0.125]),
        ("zeros of both signs", 10, 2, [0.0, -0.0] * 11),
        ("ties", 10, 2, list(ties)),
        ("one column exactly", 15, 2, list(rng.normal(0, 1e-3, 32))),
        ("tiny", 4, 4, list(rng.normal(0, 1e-33, 20))),
        ("huge", 4, 4, list(rng.normal(0, 1e30, 20))),
        ("few large ones", 12, 5, list(rng.standard_t(1, 65))),
        ("head of the digits", 32, 10, list(rng.laplace(0, 0.01, 330))),
    ]


def lines() -> Iterator[str]:
    """Yield the lines of a JSON document: seeds, and for each case the output of each codec."""
    cases = []
    for number, (name, features, classes, raw) in enumerate(inputs()):
        e = [F(x) for x in raw]
        assert len(e) == features * classes + classes
        seed = mix32(number)
        blobs = {}
        for codec, encode in CODECS.items():
            blob, values, *lacks = encode(e, seed)
            lack = lacks[0] if lacks else [F(x - v) for x, v in zip(e, values, strict=True)]
            blobs[codec] = {"blob": blob.hex(), "values": hexed(values), "lack": hexed(lack)}
        cases.append(
            {"name": name, "D": features, "C": classes, "seed": seed, "input": hexed(e), "codecs": blobs}
        )
    seeds = [
        {"seed": s, "round": r, "downlink": mix32(GOLDEN * 2 * r), "uplink": mix32(s + GOLDEN * (2 * r + 1))}
        for s, r in ((0, 1), (42, 1), (42, 2), (MASK, 65_535))
    ]
    yield from json.dumps({"seeds": seeds, "cases": cases}, indent=1).splitlines()
