"""The accountant: prices of rounds against the Gaussian mechanism's formula, and against composed distributions."""

from __future__ import annotations

import builtins
import math
from typing import Any

import pytest

from bytefed.errors import ConfigError
from bytefed.privacy import accountant
from bytefed.privacy.accountant import UNIT, epsilon_of, price


def normal(x: float) -> float:
    """Return the standard normal distribution's function."""
    return 0.5 * math.erfc(-x / math.sqrt(2))


def delta_of(units: int, epsilon: float) -> float:
    """Return delta by Balle and Wang, "Improving the Gaussian Mechanism" (2018), theorem 8, written down anew."""
    mu = math.sqrt(2 * units * UNIT)
    return normal(mu / 2 - epsilon / mu) - math.exp(epsilon) * normal(-mu / 2 - epsilon / mu)


@pytest.mark.parametrize(
    ("epsilon", "delta", "rounds"),
    [(2, 1e-4, 10), (4, 1e-4, 10), (0.5, 1e-5, 100), (10, 1e-6, 3), (0.1, 1e-3, 1)],
)
def test_the_price_is_the_largest_that_stays_within(epsilon: float, delta: float, rounds: int) -> None:
    cost = price(epsilon, delta, rounds)
    assert delta_of(cost * rounds, epsilon) <= delta * (1 + 1e-9)
    assert delta_of((cost + 2 + cost // 1000) * rounds, epsilon) > delta
    assert epsilon_of(cost * rounds, delta) == pytest.approx(epsilon, rel=2e-3)
    assert epsilon_of(cost * rounds, delta) <= epsilon * (1 + 1e-5)


def test_rounds_compose_as_their_distributions_do() -> None:
    from dp_accounting.pld import privacy_loss_distribution

    cost = price(4, 1e-4, 10)
    one = privacy_loss_distribution.from_gaussian_mechanism(
        1 / math.sqrt(2 * cost * UNIT), value_discretization_interval=1e-3
    )
    assert one.self_compose(10).get_epsilon_for_delta(1e-4) == pytest.approx(4.0, abs=0.02)


def test_nothing_spent_tells_nothing() -> None:
    assert epsilon_of(0, 1e-5) == 0.0
    assert epsilon_of(1, 1e-3) == 0.0


def test_an_epsilon_that_is_too_small() -> None:
    with pytest.raises(ConfigError, match="leaves nothing") as caught:
        price(1e-4, 1e-9, 65_535)
    assert caught.value.code == "E_CONFIG_PRIVACY"


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("dp_accounting"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ConfigError) as caught:
        accountant.price(3.25, 1e-4, 7)
    assert caught.value.code == "E_CONFIG_EXTRA"
    assert "pip install dp-accounting" in caught.value.remedy
