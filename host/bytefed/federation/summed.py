"""The keys of a run with secure sums: what they exclude, and what they choose where nobody chose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bytefed.codec import pair
from bytefed.data.load import ON_BOARDS
from bytefed.errors import ConfigError, counted
from bytefed.masks.form import CODECS, MIN_SUM

if TYPE_CHECKING:
    from bytefed.federation.config import RunConfig

STRATEGIES = ("fedavg", "fedavgm", "fedadam", "fedyogi", "fedprox")
"""The strategies that need no more than the mean of a round's deltas."""
_RULE = {"norm_bound": 0.0, "min_train_nodes": MIN_SUM}


def rule(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys that secure sums choose."""
    return _RULE if given.get("secure_sum") else {}


def check(config: RunConfig) -> None:
    """Refuse keys that don't go together with secure sums.

    Raises:
        ConfigError: E_CONFIG_SECURE_SUM.
    """
    if not config.secure_sum:
        return
    up = pair(config.codec)[1]
    excluded = {
        f"deltas in {up} can't be summed hidden, for their positions or signs are data: give --codec float32, "
        "or DOWNLINK/UPLINK with an uplink of " + ", ".join(CODECS): up not in CODECS,
        f"{config.strategy} looks at single deltas, and there is only their sum: give --strategy one of "
        + ", ".join(STRATEGIES): config.strategy not in STRATEGIES,
        "a bound on single boards needs their deltas, and there is only their sum: --norm-bound is 0": (
            config.norm_bound != 0
        ),
        "boards of a masked run make no personal heads: leave out --personal": config.personal,
        "noise and secure sums don't go together yet: leave out --dp, or --secure-sum": bool(config.dp),
        "the rounds of a budget are planned without masks: give --rounds, and no budget": config.limit
        is not None,
        "boards that have labels in an order of their own can't be summed: give --data another task": (
            config.data == ON_BOARDS
        ),
        "a board that is left out of a round leaves masks that others must take off: --fraction-train is 1": (
            config.fraction_train != 1
        ),
        f"a sum of fewer than {MIN_SUM} boards tells too much of each: give --min-train-nodes {MIN_SUM} or more": (
            config.min_train_nodes < MIN_SUM
        ),
    }
    for reason, is_so in excluded.items():
        if is_so:
            problem, _, remedy = reason.rpartition(": ")
            raise _excluded(problem, remedy)


def require_boards(config: RunConfig, boards: int) -> None:
    """Refuse to begin with too few boards.

    Raises:
        ConfigError: E_CONFIG_SECURE_SUM.
    """
    if config.secure_sum and boards < MIN_SUM:
        raise _excluded(
            f"a sum of fewer than {MIN_SUM} boards tells too much of each, and there {counted(boards, 'board')}",
            f"name {MIN_SUM} boards or more, such as --boards virtual:8",
        )


def refuse_elsewhere(config: RunConfig, place: str) -> None:
    """Refuse secure sums where boards are not those of `bytefed run`.

    Args:
        config: The configuration.
        place: The place, in words: "a gateway".

    Raises:
        ConfigError: E_CONFIG_SECURE_SUM.
    """
    if config.secure_sum:
        raise _excluded(f"{place} has no secure sums yet", "leave out secure_sum; `bytefed run` has them")


def _excluded(problem: str, remedy: str) -> ConfigError:
    return ConfigError(
        "E_CONFIG_SECURE_SUM", f"With --secure-sum, {problem}.", f"{remedy[0].upper()}{remedy[1:]}."
    )
