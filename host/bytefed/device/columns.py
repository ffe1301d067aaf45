"""The order in which a board has the classes of a run: heads and deltas are turned round on their way to it and back.

Boards whose users named the same labels in another order can so learn together. A codec writes what is turned already:
blobs are as long as ever, and a board's residual is in the board's own order.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bytefed.head import Head, parameters, reordered


class Columns:
    """The columns of a board's head.

    Args:
        features: D.
        order: For each class of the board its number in the run; none for the order of the run.
    """

    def __init__(self, features: int = 0, order: Sequence[int] = ()) -> None:
        self._features = features
        self._order: NDArray[np.intp] | None = None
        if list(order) != list(range(len(order))):
            self._order = np.array(order, np.intp)

    def of_board(self, head: Head) -> Head:
        """Return a head or delta of the run, float32 [P], as the board has it."""
        return head if self._order is None else reordered(head, self._features, self._order)

    def of_run(self, head: Head) -> Head:
        """Return a head or delta of the board, float32 [P], as the run has it."""
        return head if self._order is None else reordered(head, self._features, np.argsort(self._order))

    def fits(self, head: Head) -> bool:
        """Return whether a head has these columns; one of a time with fewer classes has not."""
        return self._order is None or len(head) == parameters(self._features, len(self._order))
