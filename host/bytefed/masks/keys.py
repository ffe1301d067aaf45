"""The keys that take the masks off a sum: which of them a board is asked for, and what each does (SPEC.md 11.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def left_and_lost(near: Sequence[int], there: set[int]) -> tuple[int, list[int]]:
    """Return which neighbours of a board are in a sum, as a bitmap, and those that are not.

    Args:
        near: Its neighbours, in their order.
        there: The boards in the sum.
    """
    bitmap = sum(1 << index for index, other in enumerate(near) if other in there)
    return bitmap, [other for other in near if other not in there]


def sorted_keys(
    points: Sequence[bytes], near: Sequence[Sequence[int]], keys: Mapping[int, Sequence[bytes]]
) -> tuple[list[bytes], list[bytes]]:
    """Return the keys of masks that are in a sum, and those of masks that were subtracted from it.

    Args:
        points: The point of each board.
        near: The neighbours of each board in the sum, in their order.
        keys: For each of these boards its own key, and those that it shares with neighbours that are not in the sum.
    """
    there, added, subtracted = set(keys), list[bytes](), list[bytes]()
    for board, (own, *shared) in keys.items():
        added.append(own)
        for other, key in zip(left_and_lost(near[board], there)[1], shared, strict=True):
            (added if points[board] < points[other] else subtracted).append(key)
    return added, subtracted
