"""Hypothesis strategies for the link: frames, message bodies, plans."""

from __future__ import annotations

from dataclasses import fields

from hypothesis import strategies as st

from bytefed.protocol.header import DataHeader
from bytefed.protocol.message import MAX_FRAME, MESSAGES

frames = st.binary(min_size=2, max_size=MAX_FRAME) | st.integers(2, MAX_FRAME).map(bytes)
data_headers = st.builds(DataHeader, st.integers(0, 3), st.booleans(), st.integers(0, 4095))
_RANGES = {"B": (0, 255), "H": (0, 65535), "I": (0, 2**32 - 1), "Q": (0, 2**64 - 1), "b": (-128, 127)}


def _field(code: str) -> st.SearchStrategy[int] | st.SearchStrategy[float]:
    if code == "f":
        return st.floats(width=32, allow_nan=False)
    return st.integers(*_RANGES[code])


def _message(kind: type) -> st.SearchStrategy[object]:
    codes = kind.LAYOUT.format.lstrip("<")  # type: ignore[attr-defined]
    assert len(codes) == len(fields(kind))
    return st.builds(kind, *map(_field, codes))


messages = st.one_of([_message(kind) for kind in MESSAGES])
