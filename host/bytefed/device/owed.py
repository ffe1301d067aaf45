"""The rounds whose deltas a board keeps for its host."""

from __future__ import annotations


class Owed:
    """The round whose delta a board keeps, and the one before that."""

    def __init__(self) -> None:
        self.round = 0  # 0 for none
        self._before = 0

    def keep(self, number: int) -> None:
        """Note that the board keeps the delta of a round, and no other; 0 for none."""
        if number != self.round:
            self.round, self._before = number, self.round

    def before(self, number: int) -> int:
        """Return the round whose delta the board keeps, or kept, until it begins a round; 0 for none or not known.

        Args:
            number: The round that is to begin, or has begun: all attempts at it get the same answer.
        """
        return self._before if self.round == number else self.round
