"""Secure sums: SPEC.md section 11, from hashlib, the PyPI package `cryptography`, and numpy's float32."""

from __future__ import annotations

import hashlib
import random
import struct
from collections.abc import Iterator

import numpy as np
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from head_codecs import GOLDEN, F, bits_of, flipped, mix32, mixed
from noise import Bits, sigma_of
from seals import keystream

LEVELS = (0, 255, 1, 3)  # by codec


def width(codec: int, boards: int) -> int:
    """Return the bits of a lane."""
    return (LEVELS[codec] * boards).bit_length() or 32


def lanes_of(codec: int, boards: int, values: list[np.float32], step: np.float32, seed: int) -> list[int]:
    """Return the lanes of values, and nothing of what they lack."""
    if codec == 0:
        most = 2.0 ** (31 - boards.bit_length())
        scaled = [F(F(v * F(F(1) / step)) + F(0.5)) for v in values]
        return [int(np.floor(min(max(float(v), -most), most))) % 2**32 for v in scaled]
    columns, top = -(-len(values) // 32), LEVELS[codec]
    x = mixed(flipped(values, seed) + [F(0)] * (32 * columns - len(values)), columns)
    placed = [F(F(v * F(F(0.5) / step)) + F((top + 1) / 2)) for v in x]
    return [min(max(int(np.floor(v)), 0), top) for v in placed]


def packed(words: list[int], lanes: list[int], bits: int) -> bytes:
    """Return the blob."""
    whole = sum(lane << bits * i for i, lane in enumerate(lanes))
    return struct.pack(f"<{len(words)}I", *words) + whole.to_bytes(-(-bits * len(lanes) // 8), "little")


def stream(key: bytes, words: int, lanes: int, bits: int) -> tuple[list[int], list[int]]:
    """Return a key's mask, as words and lanes."""
    data = keystream(key + key, 0, 4 * words + -(-bits * lanes // 8))
    whole = int.from_bytes(data[4 * words :], "little")
    return [*struct.unpack(f"<{words}I", data[: 4 * words])], [
        whole >> bits * i & (1 << bits) - 1 for i in range(lanes)
    ]


def context_of(
    number: int,
    statistics: bool,
    plan: bytes,
    step: np.float32,
    config: bytes,
    head: bytes,
    share: bytes = b"",
) -> bytes:
    """Return the digest of what all boards of a round have in common; `config` has a seed, `plan` a setup.

    `share` is cost and grid of noise for whole boards.
    """
    common = config[:8] + bytes(4) + config[12:]
    parts = (
        struct.pack("<HB", number, statistics) + plan[1:] + share + struct.pack("<f", step) + common + head
    )
    return hashlib.blake2b(parts, digest_size=32).digest()


def hidden(
    rng: random.Random, codec: int, boards: int, statistics: bool, share: bytes = b""
) -> Iterator[str]:
    """Yield one board's setup and the blob of one round."""
    count, run, number = 12, rng.getrandbits(32), rng.randrange(1, 65536)
    neighbours = min(boards - 1, 14)
    secret = X25519PrivateKey.from_private_bytes(rng.randbytes(32))
    others = [X25519PrivateKey.from_private_bytes(rng.randbytes(32)) for _ in range(neighbours)]
    plan = struct.pack("<BHHB", rng.randrange(256), boards, rng.randrange(1, 500), 3)
    config = struct.pack("<BBBBfIf", 0, codec, 1, 2, 0.1, rng.getrandbits(32), 0.0)
    step = F(2.0 ** rng.randrange(-12, 3))
    head = np.array([rng.gauss(0, 1) for _ in range(count)], F).tobytes()
    context = context_of(number, statistics, plan, step, config, head, share)
    bits = width(codec, boards)
    words = [rng.getrandbits(32) for _ in range(5 if statistics else 2)]
    lanes = [rng.getrandbits(bits) for _ in range(count if codec == 0 else 32)]
    own = rng.randbytes(16)
    plain, mine = packed(words, lanes, bits), secret.public_key().public_bytes_raw()
    keys, signs = [own], [1]
    for other in others:
        point = other.public_key().public_bytes_raw()
        shared = secret.exchange(X25519PublicKey.from_public_bytes(point))
        seed = hashlib.blake2b(b"bytefed masks" + struct.pack("<I", run), key=shared, digest_size=16).digest()
        keys.append(hashlib.blake2b(context, key=seed, digest_size=16).digest())
        signs.append(1 if mine < point else -1)
    for key, sign in zip(keys, signs, strict=True):
        more_words, more_lanes = stream(key, len(words), len(lanes), bits)
        words = [(a + sign * b) % 2**32 for a, b in zip(words, more_words, strict=True)]
        lanes = [(a + sign * b) % 2**bits for a, b in zip(lanes, more_lanes, strict=True)]
    survivors = rng.getrandbits(neighbours) | 3
    lost = [key for i, key in enumerate(keys[1:]) if not survivors >> i & 1]
    yield f"setup {secret.private_bytes_raw().hex()} {mine.hex()} {plan.hex()} {run} " + "".join(
        other.public_key().public_bytes_raw().hex() for other in others
    )
    yield f"round {number} {int(statistics)} {bits_of(step)} {config.hex()} {head.hex()} {share.hex()}".rstrip()
    yield f"blob {own.hex()} {plain.hex()} {packed(words, lanes, bits).hex()}"
    yield f"told {survivors} " + (own + b"".join(lost)).hex()


def bounded(x: list[np.float32], step: np.float32, grid: int) -> list[int]:
    """Return values as integers in steps, of a norm of at most 2^grid."""
    square = F(0)
    for value in x:
        square = F(square + value * value)
    root = np.sqrt(square)
    inverse, most = F(F(1) / step), F(2**grid)
    norm = F(root * inverse)
    if not (np.isfinite(norm) and norm > 0):
        return [0] * len(x)
    f = inverse if norm <= most else F(most / root)
    while True:
        y = [int(np.floor(F(F(value * f) + F(0.5)))) for value in x]
        if sum(value * value for value in y) <= 4**grid:
            return y
        f = F(f * F(0.984375))


def share_of(
    codec: int,
    boards: int,
    values: list[np.float32],
    step: np.float32,
    seed: int,
    grid: int,
    cost: int,
    key: bytes,
) -> list[int]:
    """Return the lanes of values that are bounded and have a share of the noise."""
    columns = -(-len(values) // 32)
    padding = [F(0)] * (32 * columns - len(values))
    x = mixed(flipped(values, seed) + padding, columns) if codec else values
    sigma = max(3, sigma_of(cost * (boards - boards // 4), grid))
    stream_ = Bits(key)
    return [(y + stream_.gauss(sigma)) % 2 ** width(codec, boards) for y in bounded(x, step, grid)]


def shares(rng: random.Random) -> Iterator[str]:
    """Yield lanes of boards that make a share of the noise."""
    for codec, count, boards, size, grid, cost in (
        (0, 1, 64, 0.3, 16, 4_000_000),
        (0, 40, 64, 0.01, 18, 2_000_000),
        (0, 12, 100, 1e20, 16, 4_000_000),
        (0, 12, 1000, 0.0, 12, 40_000_000),
        (1, 12, 64, 0.3, 6, 3_000_000),
        (1, 70, 64, 3.0, 6, 12_000_000),
        (1, 70, 5, 0.001, 6, 2**31),
    ):
        step = F(rng.uniform(0.5, 2) / 2**grid)
        values, seed = [F(rng.gauss(0, size)) for _ in range(count)], mix32(GOLDEN * rng.randrange(65536))
        key = rng.randbytes(32)
        with np.errstate(over="ignore"):
            lanes = share_of(codec, boards, values, step, seed, grid, cost, key)
        yield (
            f"share {codec} {boards} {bits_of(step)} {seed} {grid} {cost} {key.hex()} "
            + " ".join(str(bits_of(v)) for v in values)
            + " | "
            + packed([], lanes, width(codec, boards)).hex()
        )


def lines() -> Iterator[str]:
    """Yield lanes of values, and setups with the blob of a round and the keys that are told."""
    yield "# lanes: codec, boards, step, seed, values (floats by their bits), lanes"
    rng = random.Random(21)
    for codec in range(4):
        for count, boards in ((1, 3), (12, 8), (70, 64)):
            step = F({0: 2.0**-20, 1: 0.02, 2: 0.8, 3: 0.5}[codec] * rng.uniform(0.5, 2))
            values = [F(rng.gauss(0, 0.3)) for _ in range(count)]
            seed = mix32(GOLDEN * (2 * rng.randrange(65536) + 1))
            lanes = lanes_of(codec, boards, values, step, seed)
            yield (
                f"lanes {codec} {boards} {bits_of(step)} {seed} "
                + " ".join(str(bits_of(v)) for v in values)
                + " | "
                + (packed([], lanes, width(codec, boards)).hex())
            )
    yield "# setup: secret, point, MASK's body, run, points of the neighbours"
    yield "# round: its number, whether with statistics, step, CONFIG's body, head, cost and grid of shares of noise"
    yield "# blob: own key, before and after; told: survivors, UNMASKED's body"
    for codec, boards, statistics in (
        (0, 3, False),
        (2, 8, True),
        (3, 5, False),
        (1, 64, True),
        (2, 1000, False),
    ):
        yield from hidden(rng, codec, boards, statistics)
    yield from hidden(rng, 1, 64, False, struct.pack("<IB", 3_000_000, 0x80 | 6))
    yield "# share: codec, boards, step, seed, grid, cost, key, values, lanes with a share of the noise"
    yield from shares(rng)
