"""The accountant: what rounds with noise come to, as epsilon and delta.

A board counts zero-concentrated differential privacy's rho, which adds up (Bun and Steinke, 2016; Canonne, Kamath and
Steinke, 2020). The host turns the sum into epsilon by the privacy loss distribution (Meiser and Mohammadi, 2018; Balle
and Wang, 2018), from Google's dp-accounting: Gaussian noise of several rounds is that of one with the sum of their rho.
The noise on a board is discrete, of a parameter of dozens of steps at least, so its privacy loss differs from the
continuous one's by less than e to the minus 2 pi^2 times that parameter's square.

The sum of many boards' discrete Gaussians is none itself. What is known of it is its rho (masks.shares), which
dp-accounting turns into epsilon by Renyi's divergence (Mironov, 2017): a little more cautious.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

from bytefed.errors import ConfigError

UNIT = 2.0**-28
"""The rho of one unit of a board's budget."""
MOST_EPSILON = 10.0
"""Above it nothing is claimed."""
_PRECISION = 1e-6  # relative, of the values that are searched for


def _package() -> Any:
    try:
        import dp_accounting.pld.privacy_loss_mechanism
        import dp_accounting.rdp
    except ImportError as error:
        raise ConfigError(
            "E_CONFIG_EXTRA",
            "How much noise gives which epsilon is computed by the package dp-accounting, which is not installed.",
            "Run: pip install dp-accounting",
        ) from error
    return dp_accounting


def _delta_of(units: float, epsilon: float) -> float:
    """Return the delta that belongs to an epsilon, from the privacy loss distribution of Gaussian noise."""
    multiplier = 1.0 / math.sqrt(2.0 * units * UNIT)
    losses = _package().pld.privacy_loss_mechanism
    return float(losses.GaussianPrivacyLoss(multiplier).get_delta_for_epsilon(epsilon))


def _delta_of_rho(units: float, epsilon: float) -> float:
    """Return the delta that belongs to an epsilon, from rho alone."""
    package = _package()
    spent = package.dp_event.ZCDpEvent(units * UNIT)
    return float(package.rdp.RdpAccountant().compose(spent).get_delta(epsilon))


@cache
def epsilon_of(units: int, delta: float) -> float:
    """Return the epsilon of all that was spent, for a delta.

    Args:
        units: Sum of the prices of rounds, in units of 2^-28 of rho; at least 0.
        delta: Probability that epsilon does not hold for, above 0 and below 1.

    Raises:
        ConfigError: E_CONFIG_EXTRA without dp-accounting.
    """
    if units == 0 or _delta_of(units, 0.0) <= delta:
        return 0.0
    rho = units * UNIT
    low, high = 0.0, rho + 2.0 * math.sqrt(rho * math.log(1.0 / delta))  # what rho alone promises
    while high - low > _PRECISION * high:
        middle = (low + high) / 2.0
        low, high = (low, middle) if _delta_of(units, middle) <= delta else (middle, high)
    return high


@cache
def price(epsilon: float, delta: float, rounds: int, *, whole: bool = False) -> int:
    """Return what a round may cost so that all of them together stay within epsilon and delta.

    Args:
        epsilon: Above 0, at most MOST_EPSILON.
        delta: Above 0 and below 1.
        rounds: Number of rounds, at least 1.
        whole: Whether the noise is that of a sum of boards, of which rho alone is known.

    Returns:
        Units of 2^-28 of rho, at least 1.

    Raises:
        ConfigError: E_CONFIG_EXTRA without dp-accounting; E_CONFIG_PRIVACY for an epsilon too small for so many rounds.
    """
    # The epsilon of zero-concentrated privacy alone is too cautious; the truth is within a factor of ten.
    low = (math.sqrt(math.log(1.0 / delta) + epsilon) - math.sqrt(math.log(1.0 / delta))) ** 2 / UNIT
    high = 10.0 * low
    delta_of = _delta_of_rho if whole else _delta_of
    while high / low > 1.0 + _PRECISION:
        middle = math.sqrt(low * high)
        low, high = (middle, high) if delta_of(middle, epsilon) <= delta else (low, middle)
    cost = int(low) // rounds
    if cost < 1:
        raise ConfigError(
            "E_CONFIG_PRIVACY",
            f"Epsilon {epsilon:g} leaves nothing for each of {rounds:,} rounds.",
            "Give fewer --rounds, or a larger --epsilon.",
        )
    return cost
