"""The exact estimate of a run with secure sums: rounds with masks, their setup, and what takes them off."""

from __future__ import annotations

from collections import Counter

from bytefed.errors import ConfigError
from bytefed.head import parameters
from bytefed.ledger.count import ByteCount
from bytefed.ledger.estimate import STATISTICS_ROUNDS, Prediction, has_statistics
from bytefed.ledger.rates import rounds_between
from bytefed.ledger.wire_size import (
    LinkProfile,
    blob_size,
    blobs_bytes,
    connection_bytes,
    release_bytes,
    require_room_for_masks,
    setup_bytes,
    unmask_bytes,
)
from bytefed.masks.form import CODECS, MIN_SUM, Form
from bytefed.masks.shares import GRIDS, LEAST_BOARDS


def predict_sums(
    profile: LinkProfile,
    features: int,
    classes: int,
    codecs: tuple[str, str],
    *,
    clients: int,
    rounds: int,
    fraction_train: float = 1.0,
    learning_rate_rounds: int | None = None,
    statistics_rounds: int = STATISTICS_ROUNDS,
    from_head: bool = False,
    dp: str = "",
) -> Prediction:
    """Predict the bytes of a run with secure sums, in which all boards take part in all rounds, and none is lost.

    Args:
        profile: The link, the same for all boards.
        features: D of the head.
        classes: C of the head.
        codecs: Names of the codecs of the downlink and of the uplink.
        clients: Number of boards.
        rounds: Number of rounds.
        fraction_train: 1, or it is refused.
        learning_rate_rounds: As for ``estimate.predict``.
        statistics_rounds: As for ``estimate.predict``.
        from_head: As for ``estimate.predict``.
        dp: "sample" or "board" where boards train with noise: NOISE goes before MASK and before each CONFIG.

    Raises:
        ConfigError: E_CONFIG_SECURE_SUM, E_CONFIG_PRIVACY; E_MTU_SMALL or E_TOO_LARGE for a link without room.
    """
    _require_summable(codecs[1], clients, fraction_train, dp)
    require_room_for_masks(profile)
    learning_rate_rounds = rounds_between(rounds) if learning_rate_rounds is None else learning_rate_rounds
    down = blob_size(codecs[0], features, classes)

    def one(first: bool, statistics: bool, configures: bool) -> ByteCount:
        up = Form(codecs[1], parameters(features, classes), clients, statistics).size
        blob = 0 if first and not from_head else down
        return blobs_bytes(
            profile, blob, up, statistics=statistics, configures=configures, noises=bool(dp), masked=True
        )

    kinds = Counter(
        (number == 1, has_statistics(number, statistics_rounds), _configures(number, learning_rate_rounds))
        for number in range(1, rounds + 1)
    )
    total = sum((one(*kind) * (count * clients) for kind, count in kinds.items()), ByteCount())
    return Prediction(
        board_round=one(False, False, False),
        rounds=total,
        connect=connection_bytes(profile) * clients,
        evaluate=ByteCount(),
        participants=clients,
        masks=setup_bytes(profile, clients, noises=bool(dp)) * clients,
        unmask=unmask_bytes(profile, 0, shares=dp == "board") * (clients * rounds),
        release=release_bytes(profile) * clients,
    )


def _configures(number: int, learning_rate_rounds: int) -> bool:
    """Return whether a round brings a CONFIG: the first, and each with a new learning rate."""
    return number == 1 or (
        learning_rate_rounds > 0 and number % learning_rate_rounds == 1 % learning_rate_rounds
    )


def require_masks(dp: str, *, secure_sum: bool) -> None:
    """Refuse shares of noise that no sum makes whole.

    Raises:
        ConfigError: E_CONFIG_PRIVACY.
    """
    if dp == "board" and not secure_sum:
        raise ConfigError(
            "E_CONFIG_PRIVACY",
            "With --dp board each board makes a share of the noise, which only a sum makes whole.",
            "Give --secure-sum too.",
        )


def _require_summable(codec_up: str, clients: int, fraction_train: float, dp: str) -> None:
    if codec_up not in CODECS or clients < MIN_SUM or fraction_train != 1:
        raise ConfigError(
            "E_CONFIG_SECURE_SUM",
            f"Secure sums are of {MIN_SUM} boards or more that all take part, with an uplink of {', '.join(CODECS)}.",
            "Give such --codec and --clients, and --fraction-train 1; or leave out --secure-sum.",
        )
    if dp == "board" and (codec_up not in GRIDS or clients < LEAST_BOARDS):
        raise ConfigError(
            "E_CONFIG_PRIVACY",
            f"Noise for whole boards is for {LEAST_BOARDS} boards or more, with an uplink of {', '.join(GRIDS)}.",
            "Give such --codec and --clients, or --dp sample.",
        )
