"""The offers that bring a board to the global head, and the head that the board is believed to hold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bytefed.codec.downlink import Offer, head_crc, nothing, offer


class Offers:
    """The offers to one board.

    Attributes:
        held: The head that the board is believed to hold, float32 [P], or None. It makes lossy downlinks short; a
            wrong belief costs bytes, nothing else.
    """

    def __init__(self) -> None:
        self.held: NDArray[np.float32] | None = None
        self._last: tuple[tuple[int, str, int], Offer] | None = None

    def make(self, number: int, head: NDArray[np.float32], codec: str, held_crc: int) -> Offer:
        """Return what to send; when a round is tried once more, the same as before, so that its key is the same.

        Args:
            number: Round.
            head: The global head, float32 [P].
            codec: Codec of the downlink.
            held_crc: CRC-32 of the head that the board says it holds.
        """
        key = (number, codec, head_crc(head))
        if self._last is None or self._last[0] != key or not self._last[1].starts_from(held_crc):
            self._last = key, offer(head, codec, number, held_crc, self.held)
        made = self._last[1]
        return nothing(made) if held_crc == made.crc else made
