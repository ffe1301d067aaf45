"""Headers and messages: round trips within a language and across both."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_strategies import data_headers, messages

from bytefed import _core
from bytefed.errors import ProtocolError
from bytefed.protocol.header import DataHeader, control_frame, is_data
from bytefed.protocol.message import MESSAGES, Kind


@given(messages)
def test_every_message_comes_back(message: object) -> None:
    kind = type(message)
    body = message.pack()  # type: ignore[attr-defined]
    assert len(body) == kind.size() <= 18  # type: ignore[attr-defined]
    assert kind.unpack(body + b"more") == message  # type: ignore[attr-defined]
    assert _core.repack(int(kind.KIND), body) == body  # type: ignore[attr-defined]


@given(st.sampled_from(MESSAGES), st.binary(max_size=24))
def test_any_bytes_are_read_alike_in_both_languages(kind: type, body: bytes) -> None:
    repacked = _core.repack(int(kind.KIND), body)  # type: ignore[attr-defined]
    try:
        message = kind.unpack(body)  # type: ignore[attr-defined]
    except ProtocolError as error:
        assert error.code == "E_SHORT_MESSAGE"
        assert error.remedy
        assert repacked is None
    else:
        assert repacked == body[: kind.size()]  # type: ignore[attr-defined]
        again = kind.unpack(message.pack())  # type: ignore[attr-defined]
        assert repr(again) == repr(message)  # a NaN is not equal to itself


@given(data_headers)
def test_data_headers_come_back(header: DataHeader) -> None:
    frame = header.pack()
    assert len(frame) == 2
    assert is_data(frame)
    assert DataHeader.unpack(frame + b"chunk") == header


def test_control_frames_are_no_data() -> None:
    for kind in Kind:
        assert control_frame(kind, 255, b"x") == bytes((kind, 255)) + b"x"
        assert not is_data(control_frame(kind, 0))


def test_no_core_message_without_a_body() -> None:
    with pytest.raises(ValueError, match="no such message"):
        _core.repack(int(Kind.POLL), b"")
