"""The cryptography under sealed links: published vectors, and Python's own as the oracle."""

from __future__ import annotations

import hashlib
import random

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

from bytefed import _core

BASE_POINT = bytes([9]) + bytes(31)


@pytest.mark.parametrize(
    ("secret", "point", "shared"),
    [
        (
            "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
            "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
        ),
        (
            "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
            "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
            "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
        ),
    ],
)
def test_x25519_of_rfc_7748(secret: str, point: str, shared: str) -> None:
    assert _core.x25519(bytes.fromhex(secret), bytes.fromhex(point)) == bytes.fromhex(shared)


def test_x25519_a_thousand_times_as_rfc_7748_has_it() -> None:
    secret = point = BASE_POINT
    for turn in range(1000):
        shared = _core.x25519(secret, point)
        assert shared is not None
        secret, point = shared, secret
        if turn == 0:
            assert secret.hex() == "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079"
    assert secret.hex() == "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"


def test_diffie_hellman_of_rfc_7748() -> None:
    alice = bytes.fromhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")
    bob = bytes.fromhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")
    points = [_core.x25519(secret, BASE_POINT) for secret in (alice, bob)]
    assert [point.hex() for point in points if point] == [
        "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
        "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
    ]
    shared = bytes.fromhex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742")
    assert _core.x25519(alice, points[1]) == shared == _core.x25519(bob, points[0])


def test_chacha20_block_of_rfc_8439() -> None:
    """The RFC's 96-bit nonce is the upper half of our block counter and our nonce."""
    nonce = bytes.fromhex("000000090000004a00000000")
    block = 1 | int.from_bytes(nonce[:4], "little") << 32
    stream = _core.chacha20(bytes(range(32)), int.from_bytes(nonce[4:], "little"), block, bytes(64))
    assert stream.hex() == (
        "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e"
        "d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e"
    )


def test_aead_of_rfc_8439() -> None:
    text = (
        b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
        b"sunscreen would be it."
    )
    sealed = _core.aead_lock(
        bytes(range(0x80, 0xA0)),
        bytes.fromhex("070000004041424344454647"),
        bytes.fromhex("50515253c0c1c2c3c4c5c6c7"),
        text,
    )
    assert sealed.hex() == (
        "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6"
        "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
        "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
        "3ff4def08e4b7a9de576d26586cec64b6116"
        "1ae10b594f09e26a7e902ecbd0600691"
    )


@pytest.mark.parametrize(
    ("data", "key", "digest"),
    [
        (
            b"abc",
            b"",
            "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
            "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923",
        ),
        (
            b"",
            bytes(range(64)),
            "10ebb67700b1868efb4417987acf4690ae9d972fb7a590c2f02871799aaa4786"
            "b5e996e8f0f4eb981fc214b005f42d2ff4233499391653df7aefcbc13fc51568",
        ),
        (
            bytes(range(255)),
            bytes(range(64)),
            "142709d62e28fcccd0af97fad0f8465b971e82201dc51070faa0372aa43e9248"
            "4be1c1e73ba10906d5d1853db6a4106e0a7bf9800d373d6dee2d46d62ef2a461",
        ),
    ],
    ids=["RFC 7693", "official, keyed, empty", "official, keyed, 255 bytes"],
)
def test_blake2b_known_answers(data: bytes, key: bytes, digest: str) -> None:
    assert _core.blake2b(data, key, 64).hex() == digest


def test_all_of_them_equal_other_implementations_on_random_bytes() -> None:
    rng = random.Random(1)
    for _ in range(300):
        key, data = rng.randbytes(32), rng.randbytes(rng.randint(0, 400))
        size = rng.randint(1, 64)
        assert _core.blake2b(data, key, size) == hashlib.blake2b(data, key=key, digest_size=size).digest()
        nonce, block = rng.getrandbits(64), rng.getrandbits(30)
        start = block.to_bytes(8, "little") + nonce.to_bytes(8, "little")
        stream = Cipher(ChaCha20(key, start), mode=None).encryptor()
        assert _core.chacha20(key, nonce, block, data) == stream.update(data)
        iv, associated = rng.randbytes(12), rng.randbytes(rng.randint(0, 80))
        assert _core.aead_lock(key, iv, associated, data) == ChaCha20Poly1305(key).encrypt(
            iv, data, associated
        )
