"""The offers that bring a board to the global head, and the head that the board is believed to hold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bytefed.codec.downlink import Offer, head_crc, nothing, offer
from bytefed.device.columns import Columns


class Offers:
    """The offers to one board, which has the classes in an order of its own.

    Attributes:
        held: The head that the board is believed to hold, float32 [P], as the board has it; or None. It makes lossy
            downlinks short; a wrong belief costs bytes, nothing else.
        columns: The order in which the board has the classes.
    """

    def __init__(self) -> None:
        self.held: NDArray[np.float32] | None = None
        self.columns = Columns()
        self._last: tuple[tuple[int, str, int], Offer] | None = None

    @property
    def believed(self) -> NDArray[np.float32] | None:
        """The head that the board is believed to hold, as the run has it."""
        return (
            None if self.held is None or not self.columns.fits(self.held) else self.columns.of_run(self.held)
        )

    @believed.setter
    def believed(self, head: NDArray[np.float32] | None) -> None:
        self.held = None if head is None or not self.columns.fits(head) else self.columns.of_board(head)

    def turn(self, columns: Columns) -> None:
        """Have another order from now on."""
        believed, self.columns = self.believed, columns
        self.believed = believed

    def make(self, number: int, head: NDArray[np.float32], codec: str, held_crc: int) -> Offer:
        """Return what to send; when a round is tried once more, the same as before, so that its key is the same.

        Args:
            number: Round.
            head: The global head, float32 [P], as the run has it.
            codec: Codec of the downlink.
            held_crc: CRC-32 of the head that the board says it holds.
        """
        head = self.columns.of_board(head)
        key = (number, codec, head_crc(head))
        if self._last is None or self._last[0] != key or not self._last[1].starts_from(held_crc):
            self._last = key, offer(head, codec, number, held_crc, self.held)
        made = self._last[1]
        return nothing(made) if held_crc == made.crc else made
