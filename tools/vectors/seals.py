"""Sealed links: SPEC.md section 10, from Python's hashlib and hmac and the PyPI package `cryptography`."""

from __future__ import annotations

import hashlib
import hmac
import random
from collections.abc import Iterator

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

NAME = b"Noise_NNpsk0_25519_ChaChaPoly_BLAKE2b"
PROLOGUE = b"bytefed2"


def keystream(key: bytes, nonce: int, length: int) -> bytes:
    """Return the first bytes of ChaCha20's keystream, counter first as in its first publication."""
    cipher = Cipher(ChaCha20(key, bytes(8) + nonce.to_bytes(8, "little")), mode=None)
    return cipher.encryptor().update(bytes(length))


def xor(data: bytes, stream: bytes) -> bytes:
    """Return data XOR the first bytes of a keystream."""
    return bytes(a ^ b for a, b in zip(data, stream, strict=False))


def direction_keys(key: bytes) -> list[bytes]:
    """Return the keys of frames, of their tags, of blobs, and of their tags."""
    stream = keystream(key, 0, 128)
    return [stream[i : i + 32] for i in range(0, 128, 32)]


def tag(key: bytes, *parts: bytes) -> bytes:
    """Return the tag of eight bytes."""
    return hashlib.blake2b(b"".join(parts), key=key, digest_size=8).digest()


def seal(key: bytes, counter: int, frame: bytes) -> bytes:
    """Return a sealed frame."""
    hide, prove, _, _ = direction_keys(key)
    hidden = xor(frame[2:], keystream(hide, counter, len(frame)))
    proof = tag(prove, counter.to_bytes(8, "little"), frame[:2], hidden)
    return frame[:2] + bytes([counter & 0xFF]) + hidden + proof


class Noise:
    """Noise's symmetric state for NNpsk0, revision 34, with the key mixed in."""

    def __init__(self, key: bytes) -> None:
        self.chaining_key = self.hash = NAME.ljust(64, b"\0")
        self.key = b""
        self.mix_hash(PROLOGUE)
        self.chaining_key, hashed, _ = self.hkdf(key, 3)
        self.mix_hash(hashed)

    def hkdf(self, material: bytes, count: int) -> list[bytes]:
        """Return `count` outputs of 64 bytes."""
        key = hmac.digest(self.chaining_key, material, "blake2b")
        outputs = [b""]
        for number in range(1, count + 1):
            outputs.append(hmac.digest(key, outputs[-1] + bytes([number]), "blake2b"))
        return outputs[1:]

    def mix_hash(self, data: bytes) -> None:
        """Take what both ends know into the hash."""
        self.hash = hashlib.blake2b(self.hash + data).digest()

    def mix_key(self, material: bytes) -> None:
        """Make a new key."""
        self.chaining_key, key = self.hkdf(material, 2)
        self.key = key[:32]

    def message(self, point: bytes, shared: bytes, payload: bytes) -> bytes:
        """Return a message: the point, and the sealed payload; the first one has no shared secret yet."""
        self.mix_hash(point)
        self.mix_key(point)
        if shared:
            self.mix_key(shared)
        text = ChaCha20Poly1305(self.key).encrypt(bytes(12), payload, self.hash)
        self.mix_hash(text)
        return point + text


def handshake(key: bytes, host: bytes, board: bytes, payloads: tuple[bytes, bytes]) -> list[bytes]:
    """Return both messages, and the keys of both directions."""
    points = [X25519PrivateKey.from_private_bytes(s).public_key().public_bytes_raw() for s in (host, board)]
    shared = X25519PrivateKey.from_private_bytes(host).exchange(X25519PublicKey.from_public_bytes(points[1]))
    noise = Noise(key)
    messages = [noise.message(points[0], b"", payloads[0]), noise.message(points[1], shared, payloads[1])]
    return [*messages, *(output[:32] for output in noise.hkdf(b"", 2))]


def handshake_lines() -> Iterator[str]:
    """Yield one handshake a line, hexadecimal."""
    yield "# key, host's secret and payload, board's secret and payload, both messages, keys down and up; -: empty"
    rng = random.Random(10)
    for sizes in ((7, 12), (0, 0), (1, 200), (64, 1), (7, 12), (7, 12)):
        key, host, board = (rng.randbytes(32) for _ in range(3))
        payloads = rng.randbytes(sizes[0]), rng.randbytes(sizes[1])
        given = (key, host, payloads[0], board, payloads[1])
        yield " ".join(part.hex() or "-" for part in (*given, *handshake(key, host, board, payloads)))


def frame_lines() -> Iterator[str]:
    """Yield sealed frames of one direction in their order, through more than a turn of the counter."""
    yield "# key of the direction, frame, sealed frame; the counter begins at 0"
    rng = random.Random(11)
    key = rng.randbytes(32)
    for counter in range(300):
        size = (2, 3, 20, 63, 64, 65, 66, 130, 241)[counter] if counter < 9 else rng.randint(2, 40)
        frame = rng.randbytes(size)
        yield f"{key.hex()} {frame.hex()} {seal(key, counter, frame).hex()}"


def blob_lines() -> Iterator[str]:
    """Yield sealed blobs of one direction in their order."""
    yield "# key of the direction, blob, its tag, the hidden blob; numbers begin at 1"
    rng = random.Random(12)
    key = rng.randbytes(32)
    _, _, hide, prove = direction_keys(key)
    for number, size in enumerate((1, 46, 63, 64, 65, 500, 1320, 2600), start=1):
        blob = rng.randbytes(size)
        proof = tag(prove, number.to_bytes(2, "little"), blob)
        yield f"{key.hex()} {blob.hex()} {proof.hex()} {xor(blob, keystream(hide, number, size)).hex()}"


def check_lines() -> Iterator[str]:
    """Yield boards' keys, each with the check value that PAIRED has."""
    yield "# key, check in hexadecimal"
    rng = random.Random(13)
    for key in (bytes(31) + b"\x01", b"\xff" * 32, *(rng.randbytes(32) for _ in range(6))):
        digest = hashlib.blake2b(b"bytefed key", key=key, digest_size=8).digest()
        yield f"{key.hex()} {int.from_bytes(digest[:4], 'little'):08x}"
