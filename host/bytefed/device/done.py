"""DONE and RESULT as they come, over open links and sealed ones (SPEC.md sections 3 and 10.4)."""

from __future__ import annotations

import zlib
from typing import NamedTuple

from bytefed.device.link import Link
from bytefed.errors import LinkError
from bytefed.ledger.wire_size import LinkProfile
from bytefed.protocol.message import Done, Result
from bytefed.seal import BLOB_SEAL_SIZE, BlobSeal

_STATUS_SIZE = 1
_CRC = bytes(4)  # stands in the place of the CRC that a sealed message has not


class Brought(NamedTuple):
    """The answer to a round, and what it says of the delta.

    Attributes:
        message: Its fields; on a sealed link without the CRC.
        inline: The delta, if it is inside.
        seal: The delta's number and tag, if it waits on a sealed link.
    """

    message: Done | Result
    inline: bytes
    seal: BlobSeal | None

    @property
    def waits(self) -> bool:
        """Whether there is a delta which is to be fetched."""
        return self.seal is not None or (not self.inline and self.message.crc != 0)

    def is_same_delta(self, other: Brought) -> bool:
        """Return whether another answer of the same start of the board is about the same delta, as far as it tells."""
        return self.message.crc == other.message.crc and (self.seal is None) == (other.seal is None)

    def proved(self, delta: bytes, size: int, link: Link) -> bytes:
        """Return a delta that came over a link; one that came inside a sealed message is the board's.

        Raises:
            LinkError: E_DELTA_CRC, if it has another size than that or is not the board's.
        """
        if link.channel is None:
            right = zlib.crc32(delta) == self.message.crc
        else:
            right = self.seal is None or link.channel.is_blob(self.seal, delta)
        if right and len(delta) == size:
            return delta
        raise LinkError(
            "E_DELTA_CRC", f"{link.transport.uri}: the delta arrived damaged", "It is fetched again."
        )


class DoneForm:
    """The form of a round's DONE, or RESULT.

    Args:
        profile: Profile of the link.
        delta: Bytes of a delta.
        statistics: Whether it is RESULT.
    """

    def __init__(self, profile: LinkProfile, delta: int, *, statistics: bool) -> None:
        self._message = Result if statistics else Done
        self._sealed = profile.sealed
        self._fixed = profile.answer_size(statistics=statistics)
        self._waits = not profile.inlines(self._fixed, delta)

    def measure(self, body: bytes) -> tuple[int, int]:
        """Return how many bytes of a body are the delta, and how many its number and tag."""
        rest = max(0, len(body) - self._fixed)
        return (0, rest) if self._sealed and self._waits and rest == BLOB_SEAL_SIZE else (rest, 0)

    def read(self, body: bytes) -> Brought:
        """Read a body, all behind the header.

        Raises:
            ProtocolError: E_SHORT_MESSAGE.
        """
        _, proof = self.measure(body)
        if not self._sealed:
            return Brought(self._message.unpack(body), body[self._message.size() :], None)
        seal = BlobSeal.unpack(body[_STATUS_SIZE:]) if proof else None
        fields = body[:_STATUS_SIZE] + _CRC + body[_STATUS_SIZE + proof :]
        return Brought(self._message.unpack(fields), body[self._fixed + proof :], seal)
