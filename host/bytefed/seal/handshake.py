"""The handshake of a sealed session, on the host's side: one message, and the answer that only the board can give."""

from __future__ import annotations

import os

from bytefed import _core
from bytefed.seal.channel import Channel

KEY_SIZE = 32
"""Bytes of a board's key, and of a point."""
HANDSHAKE_OVERHEAD = KEY_SIZE + 16
"""Bytes that a message of the handshake has more than its payload: the sender's point and a tag."""


def draw_key() -> bytes:
    """Return a new key of 32 bytes, drawn from the operating system."""
    return os.urandom(KEY_SIZE)


class Greeting:
    """One handshake, with a secret of its own that is drawn from the operating system.

    Args:
        key: The key that host and board share, 32 bytes.
        payload: Bytes for the board, sealed with the message.
    """

    def __init__(self, key: bytes, payload: bytes) -> None:
        self._handshake = _core.HostHandshake(key, os.urandom(KEY_SIZE))
        self.message = self._handshake.write(payload)
        """The message to send; it may be sent again."""

    def answered(self, message: bytes) -> tuple[bytes, Channel] | None:
        """Take an answer.

        Args:
            message: Bytes that came as the answer, from whomever.

        Returns:
            The board's payload and the session; None if the answer is from somebody without the key, or to another
            greeting.
        """
        payload = self._handshake.read(message)
        return None if payload is None else (payload, Channel(*self._handshake.keys))
