"""Boards of a secure sum, from SPEC.md section 11 alone: plain Python, hashlib, and the cryptography package."""

from __future__ import annotations

import hashlib
import struct
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from unittest import mock

import numpy as np
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

ROOT = Path(__file__).resolve().parents[2]
LEVELS = {"float32": 0, "int8": 255, "onebit": 1, "twobit": 3}
NUMBERS = {"float32": 0, "int8": 1, "onebit": 2, "twobit": 3}
F = np.float32


def vector_tool(name: str) -> ModuleType:
    """Return a module of tools/vectors, by its name there; packages have such names, too, so none is left behind."""
    folder = ROOT / "tools" / "vectors"
    with mock.patch.dict(sys.modules), mock.patch.object(sys, "path", [str(folder), *sys.path]):
        for path in folder.glob("*.py"):
            sys.modules.pop(path.stem, None)
        return import_module(name)


ROTATION = vector_tool("head_codecs")


def bits_of_lane(codec: str, boards: int) -> int:
    return len(bin(LEVELS[codec] * boards)) - 2 if LEVELS[codec] else 32


def lanes_of(codec: str, parameters: int) -> int:
    return -(-parameters // 32) * 32 if LEVELS[codec] else parameters


def keystream(key: bytes, count: int) -> bytes:
    """Return bytes of ChaCha20 under a key written twice, nonce 0, from block 0 on."""
    return Cipher(ChaCha20(key * 2, bytes(16)), mode=None).encryptor().update(bytes(count))


def split(blob: bytes, words: int, lanes: int, bits: int) -> tuple[list[int], list[int]]:
    """Return words and lanes of a blob."""
    number = int.from_bytes(blob[4 * words :], "little")
    return (
        list(struct.unpack(f"<{words}I", blob[: 4 * words])),
        [number >> bits * lane & (1 << bits) - 1 for lane in range(lanes)],
    )


def join(words: Sequence[int], lanes: Sequence[int], bits: int) -> bytes:
    """Return the blob of words and lanes."""
    number = sum(lane << bits * place for place, lane in enumerate(lanes))
    return struct.pack(f"<{len(words)}I", *words) + number.to_bytes(-(-bits * len(lanes) // 8), "little")


class OracleBoard:
    """One board of a setup.

    Args:
        secret: 32 bytes.
        run: The run's number.
        mask: boards, reference and min_sum of MASK.
    """

    def __init__(self, secret: bytes, run: int, mask: tuple[int, int, int]) -> None:
        self._secret = X25519PrivateKey.from_private_bytes(secret)
        self.point = self._secret.public_key().public_bytes_raw()
        self._run, self._mask = run, mask
        self._seeds: list[tuple[bytes, bytes]] = []
        self._context = b""
        self.own = b""

    def meet(self, points: Sequence[bytes]) -> None:
        """Take the points of all neighbours, in their order."""
        for point in points:
            shared = self._secret.exchange(X25519PublicKey.from_public_bytes(point))
            said = b"bytefed masks" + struct.pack("<I", self._run)
            self._seeds.append((point, hashlib.blake2b(said, key=shared, digest_size=16).digest()))

    def begin(
        self,
        number: int,
        statistics: bool,
        step: float,
        config: bytes,
        head: bytes,
        own: bytes,
        share: bytes = b"",
    ) -> None:
        """Take all that a round's masks are bound to; `config` has the seed 0, `share` is cost and grid of NOISE."""
        plan = struct.pack("<HBHHB", number, statistics, *self._mask)
        said = plan + share + struct.pack("<f", step) + config + head
        self._context = hashlib.blake2b(said, digest_size=32).digest()
        self.own = own

    def key(self, place: int) -> bytes:
        """Return the key that is shared with a neighbour in this round."""
        return hashlib.blake2b(self._context, key=self._seeds[place][1], digest_size=16).digest()

    def hide(self, words: Sequence[int], lanes: Sequence[int], bits: int) -> bytes:
        """Return the hidden blob of words and lanes."""
        return self._masked(join(words, lanes, bits), len(words), len(lanes), bits, 1)

    def show(self, blob: bytes, words: int, lanes: int, bits: int) -> bytes:
        """Return the plain blob that a hidden one of this board was made of."""
        return self._masked(blob, words, lanes, bits, -1)

    def _masked(self, blob: bytes, words: int, lanes: int, bits: int, way: int) -> bytes:
        masks = [(way, self.own)] + [
            (way if self.point < point else -way, self.key(place))
            for place, (point, _) in enumerate(self._seeds)
        ]
        found_words, found_lanes = split(blob, words, lanes, bits)
        for sign, key in masks:
            more_words, more_lanes = split(keystream(key, len(blob)), words, lanes, bits)
            found_words = [(a + sign * b) % 2**32 for a, b in zip(found_words, more_words, strict=True)]
            found_lanes = [(a + sign * b) % 2**bits for a, b in zip(found_lanes, more_lanes, strict=True)]
        return join(found_words, found_lanes, bits)

    def unmask(self, survivors: int) -> list[bytes]:
        """Return the board's own key, and those that it shares with neighbours that did not survive."""
        lost = [place for place in range(len(self._seeds)) if not survivors >> place & 1]
        return [self.own, *(self.key(place) for place in lost)]


def quantized(
    values: Sequence[float], codec: str, boards: int, step: float, seed: int
) -> tuple[list[int], F]:
    """Return the lanes of `e`, and the mean of absolute values."""
    e, s = [F(value) for value in values], F(step)
    if not LEVELS[codec]:
        most = F(2.0 ** (31 - len(bin(boards)) + 2))
        found = [int(np.floor(min(max(F(F(v * F(F(1) / s)) + F(0.5)), -most), most))) % 2**32 for v in e]
        return found, F(ROTATION.total([abs(v) for v in e]) / F(len(e)))
    columns = -(-len(e) // 32)
    x = ROTATION.mixed(ROTATION.flipped(e, seed) + [F(0)] * (32 * columns - len(e)), columns)
    levels = LEVELS[codec]
    found = [int(min(max(np.floor(F(F(v * F(F(0.5) / s)) + F((levels + 1) / 2))), 0), levels)) for v in x]
    return found, F(ROTATION.total([abs(v) for v in x]) / F(len(x)))


def meant(
    total: Sequence[int], codec: str, parameters: int, survivors: int, step: float, seed: int
) -> list[float]:
    """Return the sum of deltas that a sum of lanes stands for."""
    if not LEVELS[codec]:
        return [(lane - 2**32 if lane >= 2**31 else lane) * step for lane in total]
    levels = [F(2 * lane - LEVELS[codec] * survivors) for lane in total]
    values = [float(v) * step / 32 for v in ROTATION.mixed(levels, len(levels) // 32)]
    return [float(v) for v in ROTATION.flipped(values[:parameters], seed)]
