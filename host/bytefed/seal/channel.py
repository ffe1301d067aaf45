"""A sealed session as its host has it: seals what goes down, opens what comes up."""

from __future__ import annotations

from typing import NamedTuple

from bytefed import _core

TAG_SIZE = 8
"""Bytes of a tag: that of a frame, and that of a blob."""
BLOB_SEAL_SIZE = 2 + TAG_SIZE
"""Bytes of a blob's number and tag."""
FRAME_SEAL_SIZE = 1 + TAG_SIZE
"""Bytes that a sealed frame has more than the frame: counter and tag."""


class BlobSeal(NamedTuple):
    """A blob's place in its session and direction, and its proof.

    Attributes:
        number: 1 to 65,535.
        tag: `TAG_SIZE` bytes.
    """

    number: int
    tag: bytes

    def pack(self) -> bytes:
        """Return it as it travels, `BLOB_SEAL_SIZE` bytes."""
        return self.number.to_bytes(2, "little") + self.tag

    @classmethod
    def unpack(cls, data: bytes) -> BlobSeal:
        """Read what ``pack`` made; fewer bytes prove nothing."""
        return cls(int.from_bytes(data[:2], "little"), data[2:BLOB_SEAL_SIZE])


class Channel:
    """The two directions of a sealed session; each has keys, counters and blob numbers of its own.

    Args:
        down: The handshake's key of the direction from host to board, 32 bytes.
        up: The handshake's key of the direction from board to host, 32 bytes.
    """

    def __init__(self, down: bytes, up: bytes) -> None:
        self._down = _core.SealSender(down)
        self._up = _core.SealReceiver(up)

    def seal(self, frame: bytes) -> bytes:
        """Return a sealed frame; each call takes a counter, so a frame that is sent again is sealed again.

        Args:
            frame: 2 to 241 bytes: header and body.

        Returns:
            The sealed frame, `FRAME_SEAL_SIZE` bytes longer.
        """
        return self._down.seal(frame)

    def open(self, sealed: bytes) -> bytes | None:
        """Return the frame that the board sealed; None for everything else, and for what was opened before."""
        return self._up.open(sealed)

    def begin_blob(self, blob: bytes) -> BlobSeal:
        """Give the next number to a blob that is to be sent.

        Args:
            blob: The whole blob, as it is.

        Returns:
            Its number and tag, for the message that opens the transfer.

        Raises:
            OverflowError: The session has had 65,535 blobs; it takes a new one.
        """
        return BlobSeal(*self._down.begin_blob(blob))

    def hide(self, position: int, chunk: bytes) -> bytes:
        """Return bytes of the blob begun last, which stand at `position` in it, as they travel."""
        return self._down.hide(position, chunk)

    def show(self, number: int, position: int, chunk: bytes) -> bytes:
        """Return bytes of the board's blob `number`, which stand at `position` in it, as they are."""
        return self._up.show(number, position, chunk)

    def is_blob(self, seal: BlobSeal, blob: bytes) -> bool:
        """Return whether a whole blob is the board's, by the seal that came in a sealed message."""
        return self._up.is_blob(seal.number, seal.tag, blob)
