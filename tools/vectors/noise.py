"""Rounds with noise in integers and numpy float32 (SPEC.md sections 7.4 and 7.5)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from math import isqrt

import numpy as np
from kernel import WORD, Case, F, bits, exp32, forward
from seals import keystream


class Bits:
    """The words of a key's stream."""

    def __init__(self, key: bytes) -> None:
        self._stream = keystream(key, 0, 1 << 20)
        self._at = 0

    def word(self) -> int:
        """Return the next u32."""
        self._at += 4
        return int.from_bytes(self._stream[self._at - 4 : self._at], "little")

    def below(self, m: int) -> int:
        """Return an integer below m."""
        if m == 1:
            return 0
        width = (m - 1).bit_length()
        while True:
            value = self.word() | (self.word() << 32 if width > 32 else 0)
            if (value := value & (1 << width) - 1) < m:
                return value

    def exp(self, a: int, b: int) -> bool:
        """Return True with probability e^(-a/b)."""
        k = 1
        while self.below(b) < a and self.below(k) == 0:
            k += 1
        return k % 2 == 1

    def laplace(self, t: int) -> int:
        """Return an integer y with a probability proportional to e^(-|y|/t)."""
        while True:
            u = self.below(t)
            if not self.exp(u, t):
                continue
            v = 0
            while self.exp(1, 1):
                v += 1
            y = u + t * v
            negative = self.below(2) == 1
            if y or not negative:
                return -y if negative else y

    def gauss(self, sigma: int) -> int:
        """Return an integer y with a probability proportional to e^(-y^2 / (2 sigma^2))."""
        while True:
            y = self.laplace(sigma)
            if abs(y) >= 2**31:
                continue
            whole, rest = divmod((abs(y) - sigma) ** 2, 2 * sigma**2)
            if all(self.exp(1, 1) for _ in range(whole)) and self.exp(rest, 2 * sigma**2):
                return y


def sigma_of(cost: int, grid: int) -> int:
    """Return the least integer with sigma^2 * cost >= 2^(2 grid + 27)."""
    q = -(-(2 ** (2 * grid + 27)) // cost)
    return isqrt(q - 1) + 1


def clipped_sums(case: Case, clip: np.float32, grid: int) -> list[int]:
    """Return the sums of all samples' clipped gradients, with a minus, before noise."""
    W = case.head[: -case.classes].reshape(case.features, case.classes)
    b = case.head[-case.classes :]
    delta, B = 2**grid, min(max(int(np.rint(F(1) / case.scale)), 1), 32767)
    sums = [0] * (case.features * case.classes + case.classes)
    for index, y in enumerate(case.labels):
        _, z = forward(case, W, b, index)
        e = [exp32(F(value)) for value in z - z.max()]
        total = F(0)
        for value in e:
            total = total + value
        k = F(1) / total
        g = [(F(1) if c == y else F(0)) - e[c] * k for c in range(case.classes)]
        square = F(0)
        for value in g:
            square = square + value * value
        x = [int(q) - case.zero_point for q in case.q[index]]
        X = sum(value * value for value in x) + B * B
        norm = np.sqrt(square * F(X))
        if not (np.isfinite(norm) and norm > 0):
            continue
        whole = (case.scale * F(delta)) / clip
        f = whole if norm * whole <= F(delta) else F(delta) / norm
        a = [int(np.trunc(value * f)) for value in g]
        while sum(value * value for value in a) > delta * delta // X:
            a = [value - (value > 0) + (value < 0) for value in a]
        for place, value in enumerate([*x, B]):
            for c in range(case.classes):
                sums[place * case.classes + c] += a[c] * value
    return sums


def noisy_delta(
    case: Case, clip: np.float32, grid: int, cost: int, sums: list[int], key: bytes
) -> list[np.float32]:
    """Return the delta that comes of sums, float32."""
    stream, sigma = Bits(key), sigma_of(cost, grid)
    step = (case.rate / F(len(case.labels))) * (clip / F(2**grid))
    noisy = [(value + stream.gauss(sigma)) & WORD for value in sums]
    return [F(value - (value >> 31 << 32)) * step for value in noisy]


def lines() -> Iterator[str]:
    """Yield draws of the sampler, and whole rounds."""
    yield "# gauss: sigma, key, draws; pass: D C zero_point scale clip grid cost rate key, then its samples, head,"
    yield "# sums before noise, and delta (floats by their bits)"
    rng = random.Random(20)
    for sigma in (1, 2, 3, 7, 255, 256, 65_536, 200_001, 2**24):
        key = rng.randbytes(32)
        stream = Bits(key)
        yield f"gauss {sigma} {key.hex()} " + " ".join(str(stream.gauss(sigma)) for _ in range(12))
    for D, C, n, scale, clip, grid, cost in (
        (5, 2, 3, 0.02, 1.0, 16, 4_000_000),
        (8, 3, 9, 0.1, 0.25, 8, 40_000_000),
        (13, 10, 20, 0.031, 4.0, 18, 14_602_565),
        (4, 2, 6, 1e-6, 1000.0, 18, 2**32 - 1),
        (4, 4, 6, 3.0, 2.0**-20, 12, 1_000),
    ):
        q = np.array([[rng.randrange(-128, 128) for _ in range(D)] for _ in range(n)], np.int8)
        labels = [rng.randrange(C) for _ in range(n)]
        head = np.array([rng.gauss(0, 0.5) for _ in range(D * C + C)], F)
        case = Case(
            D,
            C,
            rng.randrange(-128, 128),
            F(scale),
            1,
            1,
            F(rng.uniform(0.1, 8)),
            0,
            1,
            q,
            labels,
            head,
            F(0),
        )
        key = rng.randbytes(32)
        yield (
            f"pass {D} {C} {case.zero_point} {bits(scale)} {bits(clip)} {grid} {cost} {bits(case.rate)} {key.hex()}"
        )
        for y, row in zip(labels, q.tolist(), strict=True):
            yield f"sample {y} " + " ".join(map(str, row))
        sums = clipped_sums(case, F(clip), grid)
        yield "head " + " ".join(str(bits(value)) for value in head)
        yield "sums " + " ".join(map(str, sums))
        delta = noisy_delta(case, F(clip), grid, cost, sums, key)
        yield "delta " + " ".join(str(bits(value)) for value in delta)
