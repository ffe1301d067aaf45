"""Compares sealed frames and blobs with Python's hashlib (BLAKE2b) and `cryptography` (ChaCha20).

`python tests/host/seal/seal_oracle.py 100000` compares as many of each.
"""

from __future__ import annotations

import hashlib
import random
import sys

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

from bytefed import _core

FRAMES_A_KEY = 1000


def chacha20(key: bytes, nonce: int, data: bytes, position: int = 0) -> bytes:
    """Return data XOR the keystream from `position` on."""
    block, skip = divmod(position, 64)
    start = block.to_bytes(8, "little") + nonce.to_bytes(8, "little")
    return Cipher(ChaCha20(key, start), mode=None).encryptor().update(bytes(skip) + data)[skip:]


def tag(key: bytes, *parts: bytes) -> bytes:
    return hashlib.blake2b(b"".join(parts), key=key, digest_size=8).digest()


def keys_of(direction: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    stream = chacha20(direction, 0, bytes(128))
    return stream[:32], stream[32:64], stream[64:96], stream[96:]


def compare_frames(seed: int, count: int) -> None:
    """Seal random frames, each the host's, opened by the board; a new key every now and then."""
    rng = random.Random(seed)
    for first in range(0, count, FRAMES_A_KEY):
        direction = rng.randbytes(32)
        hide, prove, _, _ = keys_of(direction)
        sender, receiver = _core.SealSender(direction), _core.SealReceiver(direction)
        for counter in range(min(FRAMES_A_KEY, count - first)):
            frame = rng.randbytes(rng.randint(2, 241))
            hidden = chacha20(hide, counter, frame[2:])
            proof = tag(prove, counter.to_bytes(8, "little"), frame[:2], hidden)
            sealed = sender.seal(frame)
            assert sealed == frame[:2] + bytes([counter & 0xFF]) + hidden + proof
            assert receiver.open(sealed) == frame


def compare_blobs(seed: int, count: int) -> None:
    """Seal random blobs, and show one of their chunks."""
    rng = random.Random(seed)
    direction = rng.randbytes(32)
    _, _, hide, prove = keys_of(direction)
    sender, receiver = _core.SealSender(direction), _core.SealReceiver(direction)
    for number in range(1, count + 1):
        if number > 65_535:
            return compare_blobs(seed + 1, count - number + 1)
        blob = rng.randbytes(rng.randint(1, 600))
        assert sender.begin_blob(blob) == (number, tag(prove, number.to_bytes(2, "little"), blob))
        position = rng.randrange(len(blob))
        chunk = blob[position : position + rng.randint(1, 248)]
        hidden = sender.hide(position, chunk)
        assert hidden == chacha20(hide, number, chunk, position)
        assert receiver.show(number, position, hidden) == chunk
    return None


if __name__ == "__main__":
    many = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    compare_frames(1, many)
    compare_blobs(2, many)
    sys.stdout.write(
        f"{many} sealed frames and {many} sealed blobs equal those of hashlib and cryptography\n"
    )
