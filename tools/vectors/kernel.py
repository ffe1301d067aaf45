"""The training kernel in numpy float32, one rounding an operation (SPEC.md section 7), and in float64."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F = np.float32
Head = NDArray[np.float32]


def bits(value: float | np.float32) -> int:
    """Return the 32 bits of a float."""
    return int(np.asarray(value, dtype=F).view(np.uint32))


# ---- Section 7.1


def exp32(x: np.float32) -> np.float32:
    """Return exp(x) for x <= 0."""
    if not x > F(-87):
        return F(0)
    magic = F(1.5 * 2**23)
    n = (x * F(1.44269504) + magic) - magic
    r = (x - n * F(0.693145752)) - n * F(1.42860677e-6)
    p = F(1.98756915e-4)
    for coefficient in (1.39819995e-3, 8.33345205e-3, 4.16657962e-2, 1.66666654e-1, 0.5):
        p = p * r + F(coefficient)
    return F(np.ldexp((p * (r * r) + r) + F(1), int(n)))


LOG = (
    7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
    -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
)  # fmt: skip


def log32(x: np.float32) -> np.float32:
    """Return log(x) for finite x >= 1 (Cephes logf; Moshier 1989)."""
    mantissa, exponent = math.frexp(float(x))
    if F(mantissa) < F(0.707106781):
        mantissa, exponent = 2 * mantissa, exponent - 1
    f, n = F(mantissa) - F(1), F(exponent)
    p = F(LOG[0])
    for coefficient in LOG[1:]:
        p = p * f + F(coefficient)
    square = f * f
    y = p * f * square
    y = y + n * F(-2.12194440e-4)
    y = y - F(0.5) * square
    return (f + y) + n * F(0.693359375)


def exp_lines() -> Iterator[str]:
    """Yield `x exp(x) reference`."""
    yield "# bits of x, bits of exp(x) as SPEC 7.1 has it, exp(x) in float64"
    rng = random.Random(4)
    xs = [0.0, -0.0, -1e-45, -1e-7, -0.34657359, -0.3465736, -0.5, -1.0, -86.99999, -87.0, -88.0, -1e30]
    xs += [-float(rng.uniform(0, 87)) for _ in range(300)] + [
        -(2.0 ** -rng.uniform(0, 30)) for _ in range(60)
    ]
    for x in map(F, xs):
        reference = 0.0 if x <= -87 else math.exp(float(x))
        yield f"{bits(x)} {bits(exp32(x))} {reference:.10e}"


def log_lines() -> Iterator[str]:
    """Yield `x log(x) reference`."""
    yield "# bits of x, bits of log(x) as SPEC 7.1 has it, log(x) in float64"
    rng = random.Random(5)
    xs = [1.0, 1.0000001, 1.4142135, 1.4142137, 2.0, 2.8284271, 10.0, 64.0, 255.0, 3.4028235e38]
    xs += [1 + rng.random() for _ in range(150)] + [rng.uniform(1, 64) for _ in range(200)]
    for x in map(F, xs):
        yield f"{bits(x)} {bits(log32(x))} {math.log(float(x)):.10e}"


# ---- Section 7.2

WORD = 0xFFFFFFFF


def mix32(x: int) -> int:
    """Return lowbias32 of x (Wellons 2018)."""
    x ^= x >> 16
    x = x * 0x7FEB352D & WORD
    x ^= x >> 15
    x = x * 0x846CA68B & WORD
    return x ^ x >> 16


def order(seed: int, round_: int, epoch: int, count: int) -> list[int]:
    """Return P(0) .. P(count - 1)."""
    keys = [mix32(seed + 0x9E3779B9 * (round_ * 65536 + epoch * 4 + k) & WORD) for k in range(4)]
    half = max(1, -(-(count - 1).bit_length() // 2))
    mask = (1 << half) - 1

    def encipher(value: int) -> int:
        left, right = value >> half, value & mask
        for key in keys:
            left, right = right, left ^ mix32(right ^ key) & mask
        return left << half | right

    visited = []
    for i in range(count):
        value = encipher(i)
        while value >= count:
            value = encipher(value)
        visited.append(value)
    return visited


def shuffle_lines() -> Iterator[str]:
    """Yield `seed round epoch count order...`."""
    yield "# seed, round, epoch, count, the order"
    rng = random.Random(6)
    for count in (1, 2, 3, 4, 5, 15, 16, 17, 63, 64, 65, 257):
        for seed, round_, epoch in ((0, 1, 0), (WORD, 65535, 254), (rng.getrandbits(32), 9, 3)):
            yield f"{seed} {round_} {epoch} {count} " + " ".join(map(str, order(seed, round_, epoch, count)))


# ---- Section 7


@dataclass(frozen=True)
class Case:
    """One training: shapes, parameters of the training, q int8 [n, D], labels [n], head float32 [P]."""

    features: int
    classes: int
    zero_point: int
    scale: np.float32
    epochs: int
    batch: int
    rate: np.float32
    seed: int
    round: int
    q: NDArray[np.int8]
    labels: list[int]
    head: Head
    proximal_mu: np.float32


def forward(case: Case, W: Head, b: Head, index: int) -> tuple[Head, Head]:
    """Return x float32 [D] and the logits float32 [C] of sample `index`."""
    x = (case.q[index].astype(np.int32) - case.zero_point).astype(F)
    acc = np.zeros(case.classes, F)
    for i in range(case.features):
        acc = acc + W[i] * x[i]
    return x, b + case.scale * acc


def pulled(case: Case, W: Head, b: Head) -> tuple[Head, Head]:
    """Return the head after FedProx's proximal term, in the precision that W and b have."""
    W0 = case.head[: -case.classes].reshape(case.features, case.classes).astype(W.dtype)
    b0 = case.head[-case.classes :].astype(W.dtype)
    p = W.dtype.type(case.rate) * W.dtype.type(case.proximal_mu)
    return W - p * (W - W0), b - p * (b - b0)


def train32(case: Case) -> tuple[Head, np.float32, int]:
    """Return the trained head, mean loss and correct samples of the last epoch, in float32."""
    W = case.head[: -case.classes].reshape(case.features, case.classes).copy()
    b = case.head[-case.classes :].copy()
    n = len(case.labels)
    for epoch in range(case.epochs):
        visits = order(case.seed, case.round, epoch, n)
        loss, correct = F(0), 0
        for first in range(0, n, case.batch):
            batch = visits[first : first + case.batch]
            steps = []
            r = case.rate / F(len(batch))
            for index in batch:
                x, z = forward(case, W, b, index)
                y, m = case.labels[index], z.max()
                e = [exp32(F(value)) for value in z - m]
                total = F(0)
                for value in e:
                    total = total + value
                loss = loss + (log32(total) - (z[y] - m))
                correct += int(np.argmax(z) == y)
                k = r / total
                g = np.array([(r if c == y else F(0)) - e[c] * k for c in range(case.classes)], F)
                steps.append((x, g))
            if case.proximal_mu > 0:
                W, b = pulled(case, W, b)
            for x, g in steps:
                b = b + g
                W = W + np.outer(x, g * case.scale).astype(F)
    return np.concatenate([W.ravel(), b]), loss / F(n), correct


def train64(case: Case) -> NDArray[np.float64]:
    """Return the head that real arithmetic would give, in float64."""
    W = case.head[: -case.classes].reshape(case.features, case.classes).astype(np.float64)
    b = case.head[-case.classes :].astype(np.float64)
    n = len(case.labels)
    x = (case.q.astype(np.float64) - case.zero_point) * float(case.scale)
    for epoch in range(case.epochs):
        visits = order(case.seed, case.round, epoch, n)
        for first in range(0, n, case.batch):
            rows = visits[first : first + case.batch]
            z = x[rows] @ W + b
            p = np.exp(z - z.max(axis=1, keepdims=True))
            p /= p.sum(axis=1, keepdims=True)
            p[np.arange(len(rows)), [case.labels[i] for i in rows]] -= 1
            if case.proximal_mu > 0:
                W, b = pulled(case, W, b)
            W = W - float(case.rate) / len(rows) * x[rows].T @ p
            b = b - float(case.rate) / len(rows) * p.sum(axis=0)
    return np.concatenate([W.ravel(), b])


def cases() -> Iterator[Case]:
    """Yield trainings of many shapes, the 10-class blocks' edges among them."""
    rng = np.random.default_rng(7)
    for number, (features, classes, n, batch, epochs) in enumerate((
        (1, 2, 1, 1, 1), (3, 2, 7, 2, 3), (5, 3, 9, 9, 2), (8, 4, 11, 4, 2), (16, 10, 25, 1, 2),
        (7, 9, 10, 3, 2), (6, 11, 13, 5, 2), (9, 20, 12, 5, 1), (4, 21, 8, 32, 3), (3, 64, 6, 4, 2),
        (33, 10, 20, 8, 1), (6, 4, 20, 3, 3),
    )):  # fmt: skip
        yield Case(
            features, classes, int(rng.integers(-128, 128)), F(rng.uniform(0.005, 0.05)), epochs, batch,
            F(rng.choice([0.01, 0.1, 0.5])), int(rng.integers(2**32)), int(rng.integers(1, 65536)),
            rng.integers(-128, 128, (n, features)).astype(np.int8),
            [int(y) for y in rng.integers(0, classes, n)],
            rng.normal(0, 0.3, features * classes + classes).astype(F), F((0, 0.3, 0, 0.01)[number % 4]),
        )  # fmt: skip


def _row(name: str, values: object) -> str:
    return name + " " + " ".join(str(v) for v in values)  # type: ignore[attr-defined]


def sgd_lines() -> Iterator[str]:
    """Yield, for each training, six lines; the first word says which."""
    yield "# case: D C n zero_point scale epochs batch rate seed round proximal_mu;"
    yield "# sample: label, features; head: before;"
    yield "# after: the head; delta: after - before; outcome: mean loss, correct; exact: the head in float64"
    for case in cases():
        after, loss, correct = train32(case)
        numbers = (
            case.features, case.classes, len(case.labels), case.zero_point, bits(case.scale), case.epochs,
            case.batch, bits(case.rate), case.seed, case.round, bits(case.proximal_mu),
        )  # fmt: skip
        yield _row("case", numbers)
        for label, q in zip(case.labels, case.q, strict=True):
            yield _row("sample", [label, *q])
        yield _row("head", case.head.view(np.uint32))
        yield _row("after", after.view(np.uint32))
        yield _row("delta", (after - case.head).view(np.uint32))
        yield _row("outcome", (bits(loss), correct))
        yield _row("exact", (f"{v:.9e}" for v in train64(case)))
