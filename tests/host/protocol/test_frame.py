"""Serial framing: any frame through both languages, any garbage through the decoders, every byte judged once."""

from __future__ import annotations

import itertools

import pytest
from cobs import cobs
from hypothesis import example, given
from hypothesis import strategies as st
from wire_strategies import frames

from bytefed import _core
from bytefed.protocol.serial_frame import Decoded, SerialDecoder, encode_serial_frame, serial_wire_size


def cut(data: bytes, points: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(p % (len(data) + 1) for p in points)})
    return [data[a:b] for a, b in itertools.pairwise(edges)]


@given(frames)
def test_both_languages_encode_and_decode_each_other(frame: bytes) -> None:
    wire = encode_serial_frame(frame)
    assert wire == _core.encode_serial_frame(frame)
    assert len(wire) == serial_wire_size(len(frame))
    assert wire.rstrip(b"\0") == cobs.encode(frame + _core.crc16(frame).to_bytes(2, "little"))
    assert _core.SerialFrameDecoder().push(wire) == [frame]
    assert SerialDecoder().push(wire + b"\0")[0].frame == frame


streams = st.lists(
    st.one_of(st.binary(max_size=400), frames.map(encode_serial_frame), st.just(b"\0")), max_size=12
).map(b"".join)


@given(streams, st.lists(st.integers(0, 2000), max_size=20))
@example(b"\x01" * 600 + b"\0", [])
@example(b"\xff" * 255 + b"\0", [])
def test_every_byte_is_judged_exactly_once(stream: bytes, points: list[int]) -> None:
    decoder = SerialDecoder()
    judged: list[Decoded] = []
    taken = 0
    for part in cut(stream, points):
        judged += decoder.push(part)
        taken += len(part)
        assert sum(item.wire for item in judged) + decoder.pending == taken
        assert decoder.pending >= 0
    assert all(item.wire > 0 for item in judged)
    whole = SerialDecoder()
    assert whole.push(stream) == judged  # however the stream is cut
    assert whole.pending == decoder.pending


@given(streams, st.lists(st.integers(0, 2000), max_size=20))
def test_both_languages_find_the_same_frames(stream: bytes, points: list[int]) -> None:
    core, host = _core.SerialFrameDecoder(), SerialDecoder()
    stream += b"\0\0"  # ends whatever is open, and a frame that might have had a second delimiter
    ours = [item.frame for part in cut(stream, points) for item in host.push(part) if item.frame]
    assert core.push(stream) == ours


@given(st.binary(max_size=300).filter(lambda data: 0 not in data), frames)
def test_a_frame_after_garbage_is_found(garbage: bytes, frame: bytes) -> None:
    decoder = SerialDecoder()
    found = decoder.push(garbage + b"\0" + encode_serial_frame(frame) + b"\0")
    assert [item.frame for item in found if item.frame][-1] == frame


def test_what_is_no_frame_is_not_encoded() -> None:
    for length in (0, 1, 251, 1000):
        with pytest.raises(ValueError, match="2 to 250"):
            encode_serial_frame(bytes(length))
        with pytest.raises(ValueError, match="2 to 250"):
            _core.encode_serial_frame(bytes(length))


@pytest.mark.parametrize(
    "options", [{"window": 0}, {"window": 33}, {"frame_limit": 19}, {"frame_limit": 251}]
)
def test_no_virtual_board_has_frames_or_windows_that_no_board_may_have(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="out of range"):
        _core.VirtualBoard(features=4, classes=2, uid=1, **options)
