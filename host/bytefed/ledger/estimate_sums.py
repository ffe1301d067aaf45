"""The exact estimate of a run with secure sums: rounds with masks, their setup, and what takes them off."""

from __future__ import annotations

from collections import Counter

from bytefed.errors import ConfigError
from bytefed.head import parameters
from bytefed.ledger.count import ByteCount
from bytefed.ledger.planned_run import PlannedRun, Prediction
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
from bytefed.masks.form import CODECS, MIN_SUM, Form, require_room
from bytefed.masks.shares import GRIDS, LEAST_BOARDS


def predict_sums(profile: LinkProfile, run: PlannedRun) -> Prediction:
    """Predict the bytes of a run with secure sums, in which all boards take part in all rounds, and none is lost.

    Args:
        profile: The link, the same for all boards.
        run: The run.

    Raises:
        ConfigError: E_CONFIG_SECURE_SUM, E_CONFIG_PRIVACY; E_MTU_SMALL or E_TOO_LARGE for a link without room.
    """
    _require_summable(run)
    require_room_for_masks(profile)
    down, noises = blob_size(run.codecs[0], run.features, run.classes), bool(run.dp)

    def one(first: bool, statistics: bool, configures: bool) -> ByteCount:
        up = Form(run.codecs[1], parameters(run.features, run.classes), run.clients, statistics).size
        blob = 0 if first and not run.from_head else down
        return blobs_bytes(
            profile, blob, up, statistics=statistics, configures=configures, noises=noises, masked=True
        )

    kinds = Counter(
        (number == 1, run.tells(number), run.changes_plan(number)) for number in range(1, run.rounds + 1)
    )
    total = ByteCount()
    for kind, count in kinds.items():
        total += one(*kind) * (count * run.clients)
    return Prediction(
        board_round=one(False, False, False),
        rounds=total,
        connect=connection_bytes(profile) * run.clients,
        evaluate=ByteCount(),
        participants=run.clients,
        masks=setup_bytes(profile, run.clients, noises=noises) * run.clients,
        unmask=unmask_bytes(profile, 0, shares=run.dp == "board") * (run.clients * run.rounds),
        release=release_bytes(profile) * run.clients,
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


def _require_summable(run: PlannedRun) -> None:
    codec_up = run.codecs[1]
    if codec_up not in CODECS or run.clients < MIN_SUM or run.fraction_train != 1:
        raise ConfigError(
            "E_CONFIG_SECURE_SUM",
            f"Secure sums are of {MIN_SUM} boards or more that all take part, with an uplink of {', '.join(CODECS)}.",
            "Give such --codec and --clients, and --fraction-train 1; or leave out --secure-sum.",
        )
    require_room(codec_up, run.clients)
    if run.dp == "board" and (codec_up not in GRIDS or run.clients < LEAST_BOARDS):
        raise ConfigError(
            "E_CONFIG_PRIVACY",
            f"Noise for whole boards is for {LEAST_BOARDS} boards or more, with an uplink of {', '.join(GRIDS)}.",
            "Give such --codec and --clients, or --dp sample.",
        )
