"""The keys of a run with secure sums: what they exclude, and what they choose where nobody chose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bytefed.codec import pair
from bytefed.data.load import ON_BOARDS
from bytefed.errors import ConfigError, counted
from bytefed.federation import private
from bytefed.ledger.wire_size import require_room_for_masks
from bytefed.masks.form import CODECS, MIN_SUM, require_room

if TYPE_CHECKING:
    from bytefed.device.device import Device
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
    up, only = pair(config.codec)[1], "and there is only their sum"
    uplinks, strategies = ", ".join(CODECS), ", ".join(STRATEGIES)
    for excluded, problem, remedy in (
        (config.limit, "the rounds of a budget are planned without masks", "give --rounds, and no budget"),
        (up not in CODECS, f"{up} is excluded: its positions or signs are data", f"give an uplink of {uplinks}"),
        (config.strategy not in STRATEGIES, f"{config.strategy} looks at single deltas, {only}",
         f"give --strategy one of {strategies}"),
        (config.norm_bound, f"a bound on single boards needs their deltas, {only}", "give --norm-bound 0"),
        (config.personal, "boards make no personal heads", "leave out --personal"),
        (config.data == ON_BOARDS, "labels in an order of a board's own can't be summed", "give --data another task"),
        (config.fraction_train != 1, "all boards take part, for others would have to take their masks off",
         "give --fraction-train 1"),
        (config.min_train_nodes < MIN_SUM, f"a sum of fewer than {MIN_SUM} boards tells too much of each",
         f"give --min-train-nodes {MIN_SUM} or more"),
    ):  # fmt: skip
        if excluded:
            raise _excluded(problem, remedy)


def require_boards(config: RunConfig, boards: int, option: str = "--boards virtual:8") -> None:
    """Refuse to begin with too few boards, or with more than their memories have room for the sum of.

    Args:
        config: The configuration.
        boards: Number of boards.
        option: An option that names enough of them.

    Raises:
        ConfigError: E_CONFIG_SECURE_SUM; E_CONFIG_PRIVACY where noise is to hide one of more boards.
    """
    private.require_boards(config, boards)
    if config.secure_sum and boards < MIN_SUM:
        raise _excluded(
            f"a sum of fewer than {MIN_SUM} boards tells too much of each, and this run has {counted(boards, 'board')}",
            f"name {MIN_SUM} boards or more, such as {option}",
        )
    if config.secure_sum:
        require_room(config.codecs[1], boards)


def require_links(config: RunConfig, devices: Sequence[Device]) -> None:
    """Refuse to begin on links without room for masks.

    Raises:
        ConfigError: E_MTU_SMALL.
    """
    for device in devices if config.secure_sum else ():
        require_room_for_masks(device.profile)


def require_checked(config: RunConfig, clients: int, least: int = MIN_SUM) -> None:
    """Refuse to check a simulation by virtual boards that are too few for a sum of their own.

    Args:
        config: The configuration.
        clients: The clients to check; 0 for none.
        least: How many have to be checked.

    Raises:
        ConfigError: E_CONFIG_SECURE_SUM.
    """
    if config.secure_sum and 0 < clients < least:
        raise _excluded(
            f"clients are checked by a sum of their own, which fewer than {least} don't uncover here",
            f"give --check {least} or more, or leave it out",
        )


def _excluded(problem: str, remedy: str) -> ConfigError:
    return ConfigError(
        "E_CONFIG_SECURE_SUM", f"With --secure-sum, {problem}.", f"{remedy[0].upper()}{remedy[1:]}."
    )
