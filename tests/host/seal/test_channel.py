"""Sealed frames and blobs against Python's hashlib and the package cryptography; replays, reflections, splices."""

from __future__ import annotations

import random

import pytest
from golden import read
from seal_oracle import compare_blobs, compare_frames

from bytefed import _core
from bytefed.seal import FRAME_SEAL_SIZE, TAG_SIZE, BlobSeal, Channel


def test_a_thousand_random_frames_equal_the_oracles() -> None:
    compare_frames(seed=1, count=1000)


def test_a_thousand_random_blobs_equal_the_oracles() -> None:
    compare_blobs(seed=2, count=1000)


def test_vectors_of_frames_and_blobs() -> None:
    rows = read("seal_frames.txt")
    sender, receiver = (
        _core.SealSender(bytes.fromhex(rows[0][0])),
        _core.SealReceiver(bytes.fromhex(rows[0][0])),
    )
    for _, frame, sealed in rows:
        assert sender.seal(bytes.fromhex(frame)).hex() == sealed
        opened = receiver.open(bytes.fromhex(sealed))
        assert opened is not None
        assert opened.hex() == frame
    rows = read("seal_blobs.txt")
    sender, receiver = (
        _core.SealSender(bytes.fromhex(rows[0][0])),
        _core.SealReceiver(bytes.fromhex(rows[0][0])),
    )
    for number, (_, blob, tag, hidden) in enumerate(rows, start=1):
        assert sender.begin_blob(bytes.fromhex(blob)) == (number, bytes.fromhex(tag))
        assert sender.hide(0, bytes.fromhex(blob)).hex() == hidden
        assert receiver.show(number, 0, bytes.fromhex(hidden)).hex() == blob
        assert receiver.is_blob(number, bytes.fromhex(tag), bytes.fromhex(blob))


def test_vectors_of_handshakes() -> None:
    for row in read("seal_handshakes.txt"):
        key, host, ask, board, answer, first, second, down, up = (
            b"" if word == "-" else bytes.fromhex(word) for word in row
        )
        ours, theirs = _core.HostHandshake(key, host), _core.BoardHandshake(key)
        assert ours.write(ask) == first
        assert theirs.read(first) == ask
        assert theirs.write(answer, board) == second
        assert ours.read(second) == answer
        assert ours.keys == theirs.keys == (down, up)


class Ends:
    """A host's channel and its board's two directions."""

    def __init__(self, seed: int) -> None:
        rng = random.Random(seed)
        down, up = rng.randbytes(32), rng.randbytes(32)
        self.host = Channel(down, up)
        self.hears = _core.SealReceiver(down)
        self.says = _core.SealSender(up)


def test_a_seal_has_nine_bytes() -> None:
    ends = Ends(1)
    assert len(ends.host.seal(b"\x06\x01")) == 2 + FRAME_SEAL_SIZE == 11
    assert len(ends.host.begin_blob(b"x")[1]) == TAG_SIZE


def test_replayed_reflected_and_spliced_frames_are_dropped() -> None:
    one, two = Ends(1), Ends(2)
    asked = one.host.seal(b"\x06\x01")
    assert two.hears.open(asked) is None  # another session or board
    assert one.host.open(asked) is None  # reflected
    assert one.hears.open(asked) == b"\x06\x01"
    assert one.hears.open(asked) is None  # replayed
    told = one.says.seal(b"\x44\x01abc")
    assert one.hears.open(told) is None
    assert one.host.open(told) == b"\x44\x01abc"
    assert one.host.open(told) is None


def test_frames_may_overtake_each_other_within_64() -> None:
    ends = Ends(3)
    frames = [bytes([1, i]) for i in range(200)]
    sealed = [ends.host.seal(frame) for frame in frames]
    order = list(range(64))
    random.Random(3).shuffle(order)
    assert [ends.hears.open(sealed[i]) for i in order] == [frames[i] for i in order]
    assert ends.hears.open(sealed[127 + 63]) == frames[127 + 63]
    assert ends.hears.open(sealed[127]) == frames[127]
    assert ends.hears.open(sealed[126]) is None


def test_a_session_has_65535_blobs() -> None:
    ends = Ends(4)
    assert [ends.host.begin_blob(b"x")[0] for _ in range(65_535)] == list(range(1, 65_536))
    with pytest.raises(OverflowError):
        ends.host.begin_blob(b"x")


def test_a_blob_is_proved_with_its_number_and_its_direction() -> None:
    ends = Ends(5)
    number, tag = ends.host.begin_blob(b"some blob")
    assert ends.hears.is_blob(number, tag, b"some blob")
    assert not ends.hears.is_blob(number + 1, tag, b"some blob")
    assert not ends.hears.is_blob(number, tag, b"some blub")
    assert not ends.hears.is_blob(number, tag[:7], b"some blob")
    assert not ends.host.is_blob(BlobSeal(number, tag), b"some blob")


@pytest.mark.parametrize("size", [0, 1, 242, 300])
def test_frames_that_can_not_be_sealed(size: int) -> None:
    with pytest.raises(ValueError, match="2 to 241"):
        Ends(6).host.seal(bytes(size))


@pytest.mark.parametrize("size", [0, 1, 2, 10, 251, 5000])
def test_bytes_that_can_be_no_sealed_frame(size: int) -> None:
    assert Ends(7).host.open(bytes(size)) is None
