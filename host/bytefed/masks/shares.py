"""Noise for whole boards: each board of a secure sum makes a share of it, and enough shares are the whole.

Source: Kairouz, Liu, Steinke, "The Distributed Discrete Gaussian Mechanism for Federated Learning with Secure
Aggregation" (ICML 2021), theorem 1. SPEC.md section 11.5 has the sizes.
"""

from __future__ import annotations

import math

import numpy as np

from bytefed.masks.form import Form

GRIDS = {"float32": 16, "int8": 6}
"""log2 of the clip in the lanes' unit, by codec of the uplink: the other codecs of sums have too few levels for it."""
LEAST_BOARDS = 64
"""Boards that a run begins with: nothing is claimed for fewer."""
LEAST_SUM = 48
"""Boards of the smallest sum."""
_LEAST_SIGMA = 3
_SURE = 6  # standard deviations of the noise that lanes have room for
_MIXED = {
    "float32": 1.0,
    "int8": math.sqrt(32.0),
}  # growth of norms by the rotation, which divides afterwards


def _whole(boards: int) -> int:
    """Return how many shares are the whole noise."""
    return boards - boards // 4


def least_survivors(boards: int) -> int:
    """Return how many boards of a sum have to be left, of so many: three quarters, and at least LEAST_SUM."""
    return max(_whole(boards), LEAST_SUM)


def share_sigma(cost: int, grid: int, boards: int) -> int:
    """Return the parameter of a board's own noise, in steps, where so many boards are in the sum."""
    price = cost * _whole(boards)
    squared = -(-(2 ** (2 * grid + 27)) // price)
    return max(_LEAST_SIGMA, math.isqrt(squared - 1) + 1)


def has_room(codec_up: str, cost: int, boards: int) -> bool:
    """Return whether lanes have room for what so many boards add, and for noise of six standard deviations.

    Args:
        codec_up: A key of GRIDS.
        cost: The price of a round, in units of 2^-28 of rho.
        boards: Boards in the sum.
    """
    grid, bits = GRIDS[codec_up], Form(codec_up, 1, boards, statistics=False, shares=True).bits
    noise = _SURE * share_sigma(cost, grid, boards) * math.sqrt(boards)
    return noise + boards * 2.0**grid < 2.0 ** (bits - 1)


def step_of(codec_up: str, clip: float) -> float:
    """Return the step of lanes by which a board's delta has at most the norm `clip`, a float32."""
    return float(np.float32(clip * _MIXED[codec_up] / 2.0 ** GRIDS[codec_up]))


def rho_of(sigma: float, boards: int, norm: float, values: int) -> float:
    """Return the rho of a sum to which each of `boards` boards adds discrete Gaussian noise.

    Args:
        sigma: Parameter of each board's noise, in steps, at least 1/2.
        boards: Boards that add noise, at least 1.
        norm: Largest Euclidean norm of what one board adds, in steps.
        values: Number of values of the sum.
    """
    tau = 10.0 * sum(math.exp(-2.0 * (math.pi * sigma) ** 2 * k / (k + 1)) for k in range(1, boards))
    scaled = norm / (math.sqrt(boards) * sigma)
    smallest = min(scaled**2 + 2.0 * tau * values, (scaled + tau * math.sqrt(values)) ** 2)
    return smallest / 2.0
