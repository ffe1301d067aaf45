"""The air time and the energy of a trial's boards, round by round: radio, codec, seals, masks and training together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bytefed.codec import pair
from bytefed.ledger.air import AirTable, Airtime, measured
from bytefed.ledger.count import ByteCount
from bytefed.ledger.mask_work import masked_instructions, setup_instructions
from bytefed.ledger.wire_size import LinkProfile, blob_size
from bytefed.ledger.work import connection_instructions, round_instructions, sample_instructions
from bytefed.masks.form import Form
from bytefed.simulation.trial import by_kind, connected_bytes

Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Prices:
    """The prices of what a board does in a trial.

    Attributes:
        connection: Seconds in the air and mJ of a connection and of setting up masks, float64 [2].
        rounds: The same of a board's round of each kind (``trial.kind``) without training, float64 [8, 2].
        sample: The same of a sample in an epoch, float64 [2].
    """

    connection: Values
    rounds: Values
    sample: Values

    @classmethod
    def of(
        cls,
        profile: LinkProfile,
        table: AirTable,
        codecs: str,
        features: int,
        classes: int,
        *,
        noises: bool = False,
        summed: Form | None = None,
    ) -> Prices:
        """Compute the prices of a head's training.

        Args:
            profile: The link. One that is no BLE link has no air: everything costs NaN there.
            table: Radio settings, currents and the processor's speed.
            codecs: NAME, or DOWNLINK/UPLINK.
            features: D of the head.
            classes: C of the head.
            noises: Whether boards make noise: in training or, where `summed` says so, as shares of a sum's.
            summed: The form of hidden deltas; None where they come as they are.
        """
        if profile.framing != "ble":
            return cls(np.full(2, np.nan), np.full((8, 2), np.nan), np.full(2, np.nan))
        packets, data = measured(profile, table.radio.count), measured(profile, table.radio.data)
        down, up = (blob_size(name, features, classes) for name in pair(codecs))
        trains_with_noise = noises and not (summed and summed.shares)
        round_ = round_instructions(
            profile, codecs, features, classes, noises=trains_with_noise, encodes=summed is None
        )
        connection = float(connection_instructions(profile))
        if summed:
            round_ += masked_instructions(profile, summed)
            connection += setup_instructions(profile, summed.boards)
        parts = (by_kind(part, down, up, noises=noises, summed=summed) for part in (packets, data))
        sent = zip(*parts, strict=True)
        connecting = _radio(
            table, *(connected_bytes(part, summed, noises=noises) for part in (packets, data))
        )
        return cls(
            connection=connecting + _energy(table, connection),
            rounds=np.array([_radio(table, *counts) for counts in sent]) + _energy(table, round_),
            sample=_energy(table, sample_instructions(features, classes, noises=trains_with_noise)),
        )

    def cumulative(self, kinds: Values, trained: Values) -> tuple[Values, Values]:
        """Return a board's seconds in the air and mJ up to the end of each round, float64 [rounds] each.

        Args:
            kinds: float64 [rounds, 8], the board's rounds of each kind so far.
            trained: float64 [rounds], the samples it trained on so far.
        """
        air, energy = (self.connection + kinds @ self.rounds + np.outer(trained, self.sample)).T
        return air, energy


def _radio(table: AirTable, packets: ByteCount, data: ByteCount) -> Values:
    airtime = Airtime(packets.wire_down, packets.wire_up, data.wire_down, data.wire_up)
    return np.array([airtime.seconds(table.radio), airtime.energy(table.radio, table.currents)])


def _energy(table: AirTable, instructions: float) -> Values:
    """Return the seconds in the air, none, and the mJ that the processor takes for so many instructions."""
    seconds = instructions / (table.mips * 1e6)
    return np.array([0.0, seconds * table.currents.compute * table.currents.voltage])
