"""Seeds and random draws that depend on the run's seed and a client's number alone.

A client is a share of the partition, counted from 0, whichever board holds it over whichever link: so virtual,
emulated and real boards and the simulator draw the same. Every draw uses the 32-bit finaliser "lowbias32" (Chris
Wellons 2018), as in SPEC.md section 7.2.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import numpy as np
from numpy.typing import NDArray

_GOLDEN = 0x9E3779B9
_MASK = np.uint64(0xFFFFFFFF)

Words = NDArray[np.uint64]


def mix32(x: Words) -> Words:
    """Apply a bijection of 32-bit numbers that looks random, element by element.

    Args:
        x: uint64, any shape; the low 32 bits count.
    """
    x = x & _MASK
    x = (x ^ (x >> np.uint64(16))) * np.uint64(0x7FEB352D) & _MASK
    x = (x ^ (x >> np.uint64(15))) * np.uint64(0x846CA68B) & _MASK
    return x ^ (x >> np.uint64(16))


def training_seeds(seed: int, clients: Iterable[int]) -> Words:
    """Return the seeds with which clients shuffle their samples in every round (CONFIG): mix32(seed + G (client + 1)).

    Args:
        seed: The run's seed, 0 to 2^32 - 1.
        clients: Numbers in the partition, from 0.
    """
    numbers = np.fromiter(clients, np.uint64)
    return mix32(np.uint64(seed) + np.uint64(_GOLDEN) * (numbers + np.uint64(1)))


@cache
def training_seed(seed: int, client: int) -> int:
    """Return the ``training_seeds`` of one client."""
    return int(training_seeds(seed, (client,))[0])


def select(seed: int, round_number: int, clients: Iterable[int], count: int) -> list[int]:
    """Draw the clients that take part in a round, uniformly and without replacement.

    Each client draws the number mix32(mix32(mix32(seed) ^ round) ^ client), and the lowest win. So a client that is
    absent changes nothing about the others' draws.

    Args:
        seed: The run's seed, 0 to 2^32 - 1.
        round_number: The round, from 1.
        clients: The available clients; distinct numbers below 2^32.
        count: Number of clients to draw; if fewer are available, all of them are drawn.

    Returns:
        The drawn clients, ascending.
    """
    numbers = np.fromiter(clients, np.uint64)
    if count >= len(numbers):
        return sorted(numbers.tolist())
    lot = mix32(mix32(np.array([seed], np.uint64)) ^ np.uint64(round_number))
    # mix32 is a bijection: no two clients draw the same number.
    drawn = np.argsort(mix32(lot ^ numbers))[:count]
    return sorted(numbers[drawn].tolist())


def select_fairly(
    seed: int, round_number: int, clients: NDArray[np.int64], count: int, turns: NDArray[np.int64]
) -> list[int]:
    """Draw the clients that take part in a round from those that have taken part least often.

    Among clients with as many turns the draws of ``select`` decide. So if all are available, nobody is ever more than
    one turn ahead.

    Args:
        seed: The run's seed, 0 to 2^32 - 1.
        round_number: The round, from 1.
        clients: The available clients, int64 [n].
        count: Number of clients to draw; if fewer are available, all of them are drawn.
        turns: Rounds that each of them has taken part in, int64 [n].

    Returns:
        The drawn clients, ascending.
    """
    if count >= len(clients):
        return sorted(clients.tolist())
    lot = mix32(mix32(np.array([seed], np.uint64)) ^ np.uint64(round_number))
    drawn = np.lexsort((mix32(lot ^ clients.astype(np.uint64)), turns))[:count]
    return sorted(clients[drawn].tolist())


def chances(seed: int, what: int, clients: NDArray[np.int64]) -> NDArray[np.float64]:
    """Draw a number from 0 to below 1 for each client: mix32(mix32(mix32(seed) ^ mix32(what)) ^ client) / 2^32.

    Args:
        seed: The run's seed, 0 to 2^32 - 1.
        what: Stream id of the random draw, 0 to 2^32 - 1.
        clients: Numbers of the clients.
    """
    first, second = mix32(np.array([seed, what], np.uint64))
    drawn = mix32(mix32(np.array([first ^ second], np.uint64)) ^ clients.astype(np.uint64))
    return drawn.astype(np.float64) / 2.0**32
