"""The boards that share masks: all with all, or in a larger run a random regular graph."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bytefed.seeds import mix32

MOST = 14
"""Most neighbours of a board (SPEC.md section 11.1)."""


def degree(boards: int) -> int:
    """Return the number of neighbours that each board has, of so many boards."""
    return min(boards - 1, MOST)


def neighbours(boards: int, seed: int) -> list[list[int]]:
    """Choose the neighbours of each board, in an order that is kept.

    Boards stand on a ring in a random order, and the seven next on either side are a board's neighbours. Then edges
    swap their ends at random, which keeps each board's number of neighbours, until little of the ring is left.

    Args:
        boards: Number of boards, at least 3.
        seed: Seed of the draws, 0 to 2^32 - 1.

    Returns:
        For each board, by its number, the numbers of its neighbours, ascending; being neighbours is mutual.
    """
    if boards - 1 <= MOST:
        return [[other for other in range(boards) if other != board] for board in range(boards)]
    order = np.argsort(_draw(seed, 0, boards), kind="stable")
    near: list[set[int]] = [set() for _ in range(boards)]
    for place in range(boards):
        for step in range(1, MOST // 2 + 1):
            _join(near, int(order[place]), int(order[(place + step) % boards]))
    _swap(near, seed)
    return [sorted(each) for each in near]


def are_connected(near: Sequence[Sequence[int]], there: set[int]) -> bool:
    """Return whether some boards reach each other by neighbours among them: else the masks of each group cancel.

    Args:
        near: The neighbours of each board, by its number.
        there: The numbers of those boards, at least one.
    """
    reached, found = set[int](), {min(there)}
    while found:
        reached |= found
        found = {other for board in found for other in near[board] if other in there} - reached
    return reached == there


def _swap(near: list[set[int]], seed: int) -> None:
    """Swap the ends of pairs of edges, on the average ten times for each edge."""
    edges = [(a, b) for a, others in enumerate(near) for b in sorted(others) if a < b]
    count = len(edges)
    for turn in range(1, 11):
        partners = _draw(seed, turn, count) % np.uint64(count)
        for first, drawn in enumerate(partners.tolist()):
            (a, b), (c, d) = edges[first], edges[drawn]
            if len({a, b, c, d}) == 4 and d not in near[a] and b not in near[c]:
                _part(near, a, b)
                _part(near, c, d)
                _join(near, a, d)
                _join(near, c, b)
                edges[first], edges[drawn] = (a, d), (c, b)


def _draw(seed: int, turn: int, count: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint64]]:
    """Draw 32-bit numbers."""
    lot = mix32(mix32(np.array([seed], np.uint64)) ^ np.uint64(0x5EC0 + turn))
    return mix32(lot ^ np.arange(count, dtype=np.uint64))


def _join(near: list[set[int]], a: int, b: int) -> None:
    near[a].add(b)
    near[b].add(a)


def _part(near: list[set[int]], a: int, b: int) -> None:
    near[a].discard(b)
    near[b].discard(a)
