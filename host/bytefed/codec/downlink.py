"""The downlink: sends a board the global head, as a difference to the head it holds or as the whole head.

A lossy codec leaves the board with a head that is near the global one, and the host knows exactly which: it decodes
its own blob with the board's arithmetic. The encoding error is part of the next difference, so nothing is lost for
good, and no other residual needs to be kept (SPEC.md section 5.1).
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bytefed import codec

Head = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Offer:
    """A blob for a board, and the head that the board holds once it has taken it.

    Attributes:
        codec: Name of the blob's codec.
        blob: The bytes that go over the link; none if the board holds the head already.
        head: float32 [P], what the board holds once it has taken the blob.
        crc: CRC-32 of `head`.
        base: CRC-32 of the head that the blob is a difference to; None when it is a whole head.
    """

    codec: str
    blob: bytes
    head: Head
    crc: int
    base: int | None

    def starts_from(self, held: int) -> bool:
        """Return whether a board that holds a head with this CRC-32 can take the blob, or has taken it."""
        return self.base is None or held in (self.base, self.crc)


def head_crc(head: Head) -> int:
    """Return the CRC-32 of a float32 head, as boards count it."""
    return zlib.crc32(np.ascontiguousarray(head, "<f4").tobytes())


def whole(head: Head) -> Offer:
    """Offer the head itself."""
    blob = np.ascontiguousarray(head, "<f4").tobytes()
    return Offer("float32", blob, head, zlib.crc32(blob), None)


def nothing(offered: Offer) -> Offer:
    """Offer a board the head that it holds: what was to lead there has arrived, or is not needed."""
    return replace(offered, blob=b"", base=offered.crc)


def difference(head: Head, held: Head, name: str, round: int) -> Offer:  # noqa: A002
    """Offer the difference from `held`, the head that a board holds, to `head`, encoded with a lossy codec."""
    blob, values = codec.find(name).encode(head - held, codec.downlink_seed(round))
    reached = held + values
    return Offer(name, blob, reached, head_crc(reached), head_crc(held))


def offer(head: Head, name: str, round: int, held_crc: int, held: Head | None) -> Offer:  # noqa: A002
    """Offer a board the global head.

    Args:
        head: float32 [P], finite.
        name: Name of the downlink's codec.
        round: 1..65535.
        held_crc: CRC-32 of the head that the board says it holds.
        held: The head that the host believes it holds; None if unknown. A board that has just started holds zeros.
    """
    all_of_it = whole(head)
    if held_crc == all_of_it.crc:
        return nothing(all_of_it)
    if codec.find(name).lossy:
        for base in (held, np.zeros_like(head)):
            if base is not None:
                found = difference(head, base, name, round)
                if found.starts_from(held_crc):
                    return found
    return all_of_it
