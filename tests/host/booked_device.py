"""A device as the coordinator drives it, with the estimates that are set beside its bytes."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from bytefed.device.device import Device
from bytefed.device.plan import PlannedRound, RoundReply, Samples
from bytefed.ledger.count import ByteCount
from bytefed.ledger.plan import planned_connection, planned_provision, planned_round
from bytefed.ledger.wire_size import add_buffer
from bytefed.transport.base import Transport


def counts(_reply: RoundReply) -> bool:
    return True


async def run_round(
    device: Device, *what: Any, commit: Callable[[RoundReply], bool] = counts, **options: bool
) -> RoundReply:
    """Plan, train, commit; `what` and `options` are those of plan_round."""
    reply = await device.train(device.plan_round(*what, **options))
    commit(reply)
    return reply


def estimate_round(device: Device, planned: PlannedRound) -> ByteCount:
    return planned_round(
        device.profile, planned.blobs, statistics=planned.statistics, configures=planned.configures
    )


def estimate_provision(device: Device, samples: Samples) -> ByteCount:
    return planned_provision(
        device.profile, samples.record_size, len(samples.train_y), len(samples.test_y), add_buffer(*device.shape),
        held=device.holds(samples),
    )  # fmt: skip


class BookedDevice(Device):
    """A device beside which somebody adds up the estimates."""

    def __init__(self, transport: Transport, *, rng: random.Random | None = None) -> None:
        super().__init__(transport, rng=rng)
        self._expected = ByteCount()

    def take_expected(self) -> ByteCount:
        """Return the estimates of all that was done since the last call."""
        expected, self._expected = self._expected, ByteCount()
        return expected

    async def connect(self, run: int) -> None:
        await super().connect(run)
        self._expected += planned_connection(self.profile)

    async def provision(self, samples: Samples) -> None:
        self._expected += estimate_provision(self, samples)
        await super().provision(samples)

    async def run_round(
        self, *what: Any, commit: Callable[[RoundReply], bool] = counts, **options: bool
    ) -> RoundReply:
        expected = estimate_round(self, self.plan_round(*what, **options))
        reply = await run_round(self, *what, commit=commit, **options)
        self._expected += expected
        return reply
