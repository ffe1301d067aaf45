"""The handshake, byte for byte that of an independent implementation of Noise; what a stranger's messages come to."""

from __future__ import annotations

import random

import pytest
from noise.connection import Keypair, NoiseConnection

from bytefed import _core
from bytefed.seal import HANDSHAKE_OVERHEAD, Greeting


def independent(key: bytes, secret: bytes, *, host: bool) -> NoiseConnection:
    connection = NoiseConnection.from_name(b"Noise_NNpsk0_25519_ChaChaPoly_BLAKE2b")
    connection.set_psks(key)
    connection.set_prologue(b"bytefed2")
    (connection.set_as_initiator if host else connection.set_as_responder)()
    connection.set_keypair_from_private_bytes(Keypair.EPHEMERAL, secret)
    connection.start_handshake()
    return connection


@pytest.mark.filterwarnings("ignore:One of ephemeral keypairs is already set")
@pytest.mark.parametrize("seed", range(20))
def test_both_ends_equal_noiseprotocol(seed: int) -> None:
    rng = random.Random(seed)
    key, host_secret, board_secret = (rng.randbytes(32) for _ in range(3))
    ask, answer = rng.randbytes(rng.randint(0, 100)), rng.randbytes(rng.randint(0, 100))
    host = independent(key, host_secret, host=True)
    board = independent(key, board_secret, host=False)
    our_host, our_board = _core.HostHandshake(key, host_secret), _core.BoardHandshake(key)

    first = our_host.write(ask)
    assert first == host.write_message(ask)
    assert our_board.read(first) == ask == board.read_message(first)
    second = our_board.write(answer, board_secret)
    assert second == board.write_message(answer)
    assert our_host.read(second) == answer == host.read_message(second)
    state = host.noise_protocol
    assert our_host.keys == (state.cipher_state_encrypt.k, state.cipher_state_decrypt.k) == our_board.keys


def answer_to(greeting: Greeting, key: bytes) -> bytes:
    board = _core.BoardHandshake(key)
    assert board.read(greeting.message) is not None
    message = board.write(b"welcome", random.Random(1).randbytes(32))
    assert message is not None
    return message


def test_a_greeting_and_its_answer_make_a_session() -> None:
    key = bytes(range(32))
    greeting = Greeting(key, b"hello!!")
    assert len(greeting.message) == 7 + HANDSHAKE_OVERHEAD
    board = _core.BoardHandshake(key)
    assert board.read(greeting.message) == b"hello!!"
    message = board.write(b"welcome", bytes(range(1, 33)))
    assert message is not None
    taken = greeting.answered(message)
    assert taken is not None
    payload, channel = taken
    assert payload == b"welcome"
    down, up = board.keys
    assert _core.SealReceiver(down).open(channel.seal(b"\x02\x01")) == b"\x02\x01"
    assert channel.open(_core.SealSender(up).seal(b"\x42\x01abc")) == b"\x42\x01abc"


def test_no_two_greetings_are_alike() -> None:
    messages = {Greeting(bytes(32), b"hello!!").message for _ in range(50)}
    assert len(messages) == 50
    assert len({message[:32] for message in messages}) == 50


def test_an_answer_from_a_stranger_or_to_another_greeting_is_no_answer() -> None:
    key = bytes(range(32))
    greeting, other = Greeting(key, b"hello!!"), Greeting(key, b"hello!!")
    real = answer_to(greeting, key)
    assert greeting.answered(answer_to(other, key)) is None
    assert greeting.answered(greeting.message) is None  # reflected
    for length in (0, 1, 47, len(real) - 1):
        assert greeting.answered(real[:length]) is None
    for place in range(len(real)):
        forged = bytearray(real)
        forged[place] ^= 1
        assert greeting.answered(bytes(forged)) is None
    assert greeting.answered(real) is not None


def test_a_first_message_under_another_key_is_refused() -> None:
    board = _core.BoardHandshake(bytes(32))
    assert board.read(Greeting(bytes(31) + b"\x01", b"hello!!").message) is None
    with pytest.raises(ValueError, match="nothing to answer"):
        board.write(b"", bytes(32))
