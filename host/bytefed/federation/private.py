"""The keys of a run with noise: what they exclude, and what they choose where nobody chose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bytefed.errors import ConfigError

if TYPE_CHECKING:
    from bytefed.federation.config import RunConfig
    from bytefed.privacy.plan import NoisePlan

_RULE = {"local_epochs": 1, "statistics_rounds": 0, "learning_rate_decay": 1.0, "local_test": 0.0}
"""A round is one pass with noise; boards tell nothing of their samples, so they need none to test on."""
RATE = 2.0
"""Learning rate times the clip, by rule; chosen on samples that no board has (benchmarks/privacy.py --tune)."""


def rule(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys that noise chooses; the rate is written down, so that its decay is none."""
    if not given.get("dp"):
        return {}
    return {**_RULE, "learning_rate": RATE / float(given.get("clip", 1.0) or 1.0)}


def check(config: RunConfig) -> None:
    """Refuse keys that don't go together with noise.

    Raises:
        ConfigError: E_CONFIG_PRIVACY.
    """
    if not config.dp:
        if config.epsilon or config.delta:
            raise ConfigError(
                "E_CONFIG_PRIVACY",
                "--epsilon and --delta say how much noise there is, and nothing asks for noise.",
                "Give --dp sample with them.",
            )
        return
    if not (config.epsilon and config.delta):
        raise ConfigError(
            "E_CONFIG_PRIVACY",
            "--dp needs both --epsilon and --delta.",
            "Give, for example, --epsilon 4 --delta 1e-4; delta well below 1 / (number of samples).",
        )
    excluded = {
        "local_epochs": config.local_epochs != 1,
        "statistics_rounds": config.statistics_rounds != 0,
        "personal": config.personal,
        "proximal_mu": config.strategy == "fedprox",
        "rounds": config.limit is not None,
    }
    reasons = {
        "local_epochs": "a round with noise is one pass: --local-epochs is 1",
        "statistics_rounds": "boards with a privacy budget tell no loss and no accuracy: --statistics-rounds is 0",
        "personal": "personal heads are judged on samples that are to stay private: leave out --personal",
        "proximal_mu": "the pull of fedprox plays no part in one pass: choose another --strategy",
        "rounds": "the rounds of a byte budget are planned later than the noise of each: give --rounds, and no budget",
    }
    for name, is_so in excluded.items():
        if is_so:
            raise ConfigError(
                "E_CONFIG_PRIVACY", f"With --dp {reasons[name].partition(':')[0]}.", _remedy(reasons[name])
            )


def _remedy(reason: str) -> str:
    wanted = reason.partition(": ")[2]
    return (
        f"{wanted[0].upper()}{wanted[1:]}."
        if not wanted.startswith("--")
        else f"Give {wanted.replace(' is ', ' ')}."
    )


def check_resumed(config: RunConfig, options: Mapping[str, Any]) -> None:
    """Refuse more rounds than the noise of a run was planned for.

    Raises:
        ConfigError: E_CONFIG_RESUME.
    """
    if config.dp and options.get("rounds", config.rounds) != config.rounds:
        raise ConfigError(
            "E_CONFIG_RESUME",
            f"--rounds can't change in a run with --dp: its epsilon is shared out among {config.rounds:,} rounds.",
            "Leave --rounds out, or start a new run.",
        )


def noise_of(config: RunConfig) -> NoisePlan | None:
    """Return the noise of a run's rounds; None for a run without.

    Raises:
        ConfigError: E_CONFIG_EXTRA without dp-accounting; E_CONFIG_PRIVACY for an epsilon that pays for too little.
    """
    if not config.dp:
        return None
    from bytefed.privacy.plan import NoisePlan

    return NoisePlan.of(config.epsilon, config.delta, config.rounds, config.clip)
