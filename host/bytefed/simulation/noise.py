"""The noise of simulated clients, from the run's seed: a simulation can be repeated, and protects nobody."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


def noise_key(seed: int, number: int) -> bytes:
    """Return the key of a simulated client's noise in a round, 32 bytes, where a board asks its chip for one.

    Args:
        seed: The client's seed.
        number: The round.
    """
    return hashlib.blake2b(f"noise {seed} {number}".encode(), digest_size=32).digest()


def noise_keys(seeds: Iterable[int], number: int) -> NDArray[np.uint8]:
    """Return the keys of several clients, uint8 [n, 32]."""
    return np.frombuffer(b"".join(noise_key(seed, number) for seed in seeds), np.uint8).reshape(-1, 32)
