"""Features of sound in Python's integers (SPEC.md section 7.7)."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

import numpy as np

F = np.float32
FORMATS = ((8000, 240, 160, 32, 125, 3800), (16000, 480, 320, 40, 125, 7500), (8000, 65, 1, 1, 0, 3900))
"""Rate, frame, step, bands, low, high; transforms of 128, 256 and 64 values."""


def i16(x: int) -> int:
    """Return x as 16 bits in two's complement have it."""
    return (x + 32768) % 65536 - 32768


def rounded(product: int) -> int:
    """Return a product of two fractions of 15 bits."""
    return (product + 16384) >> 15


def times(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    """Return the product of complex numbers."""
    return i16(rounded(a[0] * b[0] - a[1] * b[1])), i16(rounded(a[0] * b[1] + a[1] * b[0]))


def scaled(a: tuple[int, int], factor: int) -> tuple[int, int]:
    """Return a complex number times a fraction."""
    return i16(rounded(a[0] * factor)), i16(rounded(a[1] * factor))


def plus(a: tuple[int, int], b: tuple[int, int], sign: int = 1) -> tuple[int, int]:
    """Return a + sign b."""
    return i16(a[0] + sign * b[0]), i16(a[1] + sign * b[1])


def transform(
    z: list[tuple[int, int]], turns: list[tuple[int, int]], stride: int = 1
) -> list[tuple[int, int]]:
    """Return the transform of z, by its own definition: every p-th value apart, then one stage."""
    if len(z) == 1:
        return z
    radix = 4 if len(z) % 4 == 0 else 2
    parts = [transform(z[start::radix], turns, stride * radix) for start in range(radix)]
    m = len(parts[0])
    found = [(0, 0)] * len(z)
    for k in range(m):
        if radix == 2:
            a, b = (scaled(part[k], 16383) for part in parts)
            b = times(b, turns[k * stride])
            found[k], found[k + m] = plus(a, b), plus(a, b, -1)
            continue
        a, b, c, d = (scaled(part[k], 8191) for part in parts)
        b, c, d = (
            times(b, turns[k * stride]),
            times(c, turns[2 * k * stride]),
            times(d, turns[3 * k * stride]),
        )
        e, g, h, i = plus(a, c, -1), plus(a, c), plus(b, d), plus(b, d, -1)
        found[k], found[k + 2 * m] = plus(g, h), plus(g, h, -1)
        found[k + m] = i16(e[0] + i[1]), i16(e[1] - i[0])
        found[k + 3 * m] = i16(e[0] - i[1]), i16(e[1] + i[0])
    return found


def spectrum(
    v: list[int], turns: list[tuple[int, int]], split: list[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Return bins 0 .. M - 1 of 2 M real values."""
    z = transform(list(zip(v[::2], v[1::2], strict=True)), turns)
    size = len(z)
    zero = scaled(z[0], 16383)
    found = [(i16(zero[0] + zero[1]), 0)] + [(0, 0)] * (size - 1)
    for k in range(1, size // 2 + 1):
        a, b = scaled(z[k], 16383), scaled((z[size - k][0], i16(-z[size - k][1])), 16383)
        even, u = plus(a, b), times(plus(a, b, -1), split[k - 1])
        found[k] = i16((even[0] + u[0]) >> 1), i16((even[1] + u[1]) >> 1)
        found[size - k] = i16((even[0] - u[0]) >> 1), i16((u[1] - even[1]) >> 1)
    return found


def root(n: int) -> int:
    """Return the rounded square root."""
    found = math.isqrt(n)
    up = n - found * found > found
    return found if n < 1 << 32 and found == 0xFFFF else found + up


def log64(v: int, table: list[int]) -> int:
    """Return 64 times the natural logarithm."""
    if v < 2:
        return 0
    n = v.bit_length() - 1
    y = (v - (1 << n)) * 65536 >> n
    i = y >> 9
    log2 = 65536 * n + y + table[i] + ((table[i + 1] - table[i]) * (y - 512 * i) >> 16)
    return 64 * (45426 * log2 + 32768 >> 16) + 32768 >> 16


def mel(hertz: float) -> F:
    """Return the mel of a frequency, in float32."""
    return F(1127.0 * math.log1p(float(F(hertz)) / 700.0))


def tables(rate: int, frame: int, size: int, bands: int, low: int, high: int) -> list[list[int]]:
    """Return window, twiddle, split, table, first, width, weight."""
    turn = float(F(2 * math.pi / frame))
    window = [math.floor(4096 * float(F(0.5 - 0.5 * math.cos(turn * (i + 0.5)))) + 0.5) for i in range(frame)]

    def turned(angles: list[float]) -> list[int]:
        return [math.floor(32767 * part(a) + 0.5) for a in angles for part in (math.cos, math.sin)]

    hertz = F(0.5 * rate / size)
    first = math.floor(1.5 + float(F(low) / hertz))
    spacing = (mel(high) - mel(low)) / F(bands + 1)
    k, before, widths, weights = first, mel(low), [], []
    for band in range(bands + 1):
        centre = mel(low) + spacing * F(band + 1)
        start = k
        while mel(F(k) * hertz) <= centre:
            weights.append(
                math.floor(float((centre - mel(F(k) * hertz)) / (centre - before) * F(4096)) + 0.5)
            )
            k += 1
        widths.append(k - start)
        before = centre
    return [
        window,
        turned([-2 * math.pi * i / size for i in range(size)]),
        turned([-math.pi * ((i + 1) / size + 0.5) for i in range(size // 2)]),
        [round(65536 * (math.log2(1 + i / 128) - i / 128)) for i in range(129)],
        [first],
        widths,
        weights,
    ]


def features(samples: list[int], parts: list[list[int]], size: int) -> list[int]:
    """Return the features of one frame."""
    window, turns, split, table, (first,), widths, weights = parts
    w = [x * c >> 12 for x, c in zip(samples, window, strict=True)]
    shift = 15 - max(abs(x) if abs(x) < 32768 else 0 for x in w).bit_length()
    v = [i16(x << shift) for x in w] + [0] * (2 * size - len(w))

    def paired(flat: list[int]) -> list[tuple[int, int]]:
        return list(zip(flat[::2], flat[1::2], strict=True))

    energy = [re * re + im * im for re, im in spectrum(v, paired(turns), paired(split))]
    k, rising, found = first, 0, []
    for width in widths:
        bins = list(zip(energy[k : k + width], weights[k - first : k - first + width], strict=True))
        found.append(rising + sum(e * weight for e, weight in bins))
        rising = sum(e * (4096 - weight) for e, weight in bins)
        k += width
    gain = (2 * size).bit_length() - 7
    return [log64((root(band) >> shift) << gain, table) for band in found[1:]]


def heard(rng: random.Random, count: int) -> Iterator[list[int]]:
    """Yield sounds of so many samples: noise of all loudnesses, tones, clicks, silence."""
    yield [0] * count
    yield [-32768] * count
    yield [rng.randrange(-32768, 32768) for _ in range(count)]
    yield [rng.randrange(-2, 3) for _ in range(count)]
    yield [round(9000 * math.sin(0.3 * i) + rng.gauss(0, 40)) for i in range(count)]
    yield [rng.choice((-32768, 32767)) if rng.random() < 0.02 else 0 for _ in range(count)]


def lines() -> Iterator[str]:
    """Yield formats with their tables, and behind each its sounds with their features, two frames each."""
    yield "# format: frame, step, bands; tables: int16; then samples and features, two frames"
    rng = random.Random(76)
    for rate, frame, step, bands, low, high in FORMATS:
        size = 1 << max(5, (frame - 1).bit_length() - 1)
        parts = tables(rate, frame, size, bands, low, high)
        yield f"format {frame} {step} {bands}"
        yield "tables " + " ".join(str(x) for part in parts for x in part)
        for samples in heard(rng, frame + step):
            found = features(samples[:frame], parts, size) + features(samples[step:], parts, size)
            yield "samples " + " ".join(map(str, samples))
            yield "features " + " ".join(map(str, found))
