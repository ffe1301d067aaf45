"""The keys of a run with noise: what they exclude, and what they choose where nobody chose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bytefed.errors import ConfigError
from bytefed.masks.shares import GRIDS, LEAST_BOARDS, LEAST_SUM, has_room

if TYPE_CHECKING:
    from bytefed.federation.config import RunConfig
    from bytefed.privacy.plan import NoisePlan

_TOLD = {"statistics_rounds": 0, "local_test": 0.0, "central": False}
"""Boards tell nothing of their samples, so they need none to test on; and no head learns from these without noise."""
_SAMPLE_RULE = {**_TOLD, "local_epochs": 1, "learning_rate_decay": 1.0}
"""A round is one pass with noise."""
_BOARD_RULE = {
    **_TOLD, "local_epochs": 1, "learning_rate": 0.5, "learning_rate_decay": 1.0, "clip": 0.5,
    "min_train_nodes": LEAST_SUM,
}  # fmt: skip
"""Chosen on samples that no board has (benchmarks/privacy_boards.py --tune)."""
RATE = 2.0
"""Learning rate times the clip, by rule; chosen on samples that no board has (benchmarks/privacy.py --tune)."""


def rule(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys that noise chooses; for samples the rate is written down, so that its decay is none."""
    if given.get("dp") == "sample":
        return {**_SAMPLE_RULE, "learning_rate": RATE / float(given.get("clip", 1.0) or 1.0)}
    return _BOARD_RULE if given.get("dp") == "board" else {}


def check(config: RunConfig) -> None:
    """Refuse keys that don't go together with noise.

    Raises:
        ConfigError: E_CONFIG_PRIVACY.
    """
    if not config.dp:
        if config.epsilon or config.delta:
            raise _nothing_asks()
        return
    if not (config.epsilon and config.delta):
        raise ConfigError(
            "E_CONFIG_PRIVACY",
            "--dp needs both --epsilon and --delta.",
            "Give, for example, --epsilon 4 --delta 1e-4; delta well below 1 / (number of samples, or of boards).",
        )
    reasons = {
        **_reasons(config),
        **(_board_reasons(config) if config.dp == "board" else _sample_reasons(config)),
    }
    for reason, is_so in reasons.items():
        if is_so:
            problem = reason.partition(":")[0]
            raise ConfigError("E_CONFIG_PRIVACY", f"With --dp {config.dp} {problem}.", _remedy(reason))


def refuse_idle_keys(config: RunConfig) -> None:
    """Refuse keys that noise has no use for, where somebody asks for them anew.

    Runs that are there already may have such keys: in their rounds they did nothing.

    Raises:
        ConfigError: E_CONFIG_PRIVACY.
    """
    if not config.dp and _is_given(config, "clip"):
        raise _nothing_asks()
    if config.dp == "sample" and _is_given(config, "batch_size"):
        raise ConfigError(
            "E_CONFIG_PRIVACY",
            "With --dp sample one pass over all samples leaves no batches.",
            "Leave out --batch-size.",
        )


def _nothing_asks() -> ConfigError:
    return ConfigError(
        "E_CONFIG_PRIVACY",
        "--epsilon, --delta and --clip say how much noise there is, and nothing asks for noise.",
        "Give --dp sample or --dp board with them.",
    )


def _reasons(config: RunConfig) -> dict[str, bool]:
    """Return what noise of any kind excludes, each with its remedy, and whether a configuration has it."""
    return {
        "boards with a privacy budget tell no loss and no accuracy: --statistics-rounds is 0": (
            config.statistics_rounds != 0
        ),
        "personal heads are judged on samples that are to stay private: leave out --personal": config.personal,
        "the rounds of a byte budget are planned later than the noise of each: give --rounds, and no budget": (
            config.limit is not None
        ),
    }


def _sample_reasons(config: RunConfig) -> dict[str, bool]:
    return {
        "a round with noise is one pass: --local-epochs is 1": config.local_epochs != 1,
        "the pull of fedprox plays no part in one pass: choose another --strategy": config.strategy
        == "fedprox",
    }


def _is_given(config: RunConfig, key: str) -> bool:
    """Whether a key has another value than by default."""
    return bool(getattr(config, key) != getattr(type(config), key))


def _board_reasons(config: RunConfig) -> dict[str, bool]:
    up = config.codecs[1]
    return {
        "each board makes a share of the noise, which only a sum makes whole: give --secure-sum too": (
            not config.secure_sum
        ),
        f"{up} cuts values to a few levels before the sum, where noise has no room: give --codec float32 or int8": (
            up not in GRIDS
        ),
        f"a sum has {LEAST_SUM} boards at least: --min-train-nodes is {LEAST_SUM} or more": (
            config.min_train_nodes < LEAST_SUM
        ),
    }


def require_boards(config: RunConfig, boards: int) -> None:
    """Refuse to begin with fewer boards than noise can hide one among, or with noise that lanes have no room for.

    Raises:
        ConfigError: E_CONFIG_PRIVACY; as ``noise_of``.
    """
    if config.dp != "board":
        return
    if boards < LEAST_BOARDS:
        raise few_boards(boards)
    _require_delta(config.delta, boards, "boards")
    up, noise = config.codecs[1], noise_of(config)
    sums = range(LEAST_SUM, boards + 1)  # where boards are lost, lanes of a later setup may be narrower
    if noise and not all(has_room(up, noise.cost, each) for each in sums):
        raise _wide_noise(config, up, boards)


def require_samples(config: RunConfig, samples: int) -> None:
    """Refuse a delta that is not below 1 / the number of training samples.

    Args:
        config: The configuration.
        samples: Training samples of all boards.

    Raises:
        ConfigError: E_CONFIG_PRIVACY.
    """
    if config.dp == "sample":
        _require_delta(config.delta, samples, "samples to train on")


def _require_delta(delta: float, number: int, units: str) -> None:
    if delta * number >= 1:
        raise ConfigError(
            "E_CONFIG_PRIVACY",
            f"--delta {delta:g} is not below 1 / {number:,}, and there are {number:,} {units}: a run that told "
            "everything about one of them, drawn at random, would keep to it.",
            f"Give a delta well below that, such as --delta 1e-{1 + len(str(number - 1))}.",
        )


def _wide_noise(config: RunConfig, up: str, boards: int) -> ConfigError:
    less = f"a larger --epsilon than {config.epsilon:g}, fewer rounds than {config.rounds:,} or fewer boards"
    return ConfigError(
        "E_CONFIG_PRIVACY",
        f"With --dp board, sums of {boards:,} boards and their noise may be larger than {up} has room for.",
        f"Give {less}." if up == "float32" else f"Give --codec float32, or {less}.",
    )


def few_boards(boards: int) -> ConfigError:
    """Return the error of a run with noise for whole boards that has too few of them."""
    return ConfigError(
        "E_CONFIG_PRIVACY",
        f"No privacy is claimed for a whole board below {LEAST_BOARDS} boards, and there are {boards}.",
        f"Name {LEAST_BOARDS} boards or more, or give --dp sample, which protects single samples with any number.",
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

    asked = config.epsilon, config.delta, config.rounds, config.clip
    return NoisePlan.of(*asked) if config.dp == "sample" else NoisePlan.of_boards(*asked, config.codecs[1])
