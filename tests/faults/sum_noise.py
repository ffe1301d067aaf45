"""Noise in worlds of sums: what boards hide then, by the vectors' oracle alone, and what they may spend for it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

import numpy as np
import pytest
from mask_oracle import NUMBERS, vector_tool
from sum_port import CLASSES, FEATURES, Port

from bytefed import codec
from bytefed.boards.describe import ask_budget
from bytefed.boards.loopback import LoopbackTransport
from bytefed.device.device import Device
from bytefed.device.plan import PlannedRound, Samples
from bytefed.federation import secure_sum
from bytefed.masks import shares
from bytefed.masks.form import MIN_SUM
from bytefed.privacy.plan import NoisePlan
from bytefed.protocol.message import VISIT

_NOISE, _MASKS, _KERNEL = (vector_tool(name) for name in ("noise", "masks", "kernel"))
_F = np.float32


def least_of(boards: int) -> int:
    """Return how many boards of a setup make the whole noise."""
    return boards - boards // 4


@dataclass(frozen=True)
class WorldNoise:
    """The noise of all rounds of a world.

    Attributes:
        plan: As the host has it; it pays for two or three rounds.
        rash: Whether the host asks for keys whoever is left, so that boards alone keep to the least number.
    """

    plan: NoisePlan
    rash: bool

    @classmethod
    def drawn(cls, rng: random.Random) -> Self | None:
        """Draw the noise of a world: half of all have none, a quarter has some for samples, a quarter for boards."""
        kind, rounds = rng.choice(("", "", "sample", "board")), rng.choice((2, 3, 3, 3))
        if not kind:
            return None
        if kind == "sample":
            return cls(NoisePlan(4.0, 1e-4, rounds, 1.0, 4_000_000), rash=False)
        # Narrow enough for the lanes of int8: of a few boards, these have ten or eleven bits.
        grid, cost = rng.choice(((16, 4_000_000), (6, 500_000_000)))
        return cls(NoisePlan(4.0, 1e-4, rounds, 0.5, cost, grid, whole=True), rng.random() < 0.5)

    @property
    def codecs(self) -> tuple[str, ...]:
        """The codecs of deltas that can have it."""
        if not self.plan.whole:
            return tuple(NUMBERS)
        return tuple(name for name, grid in shares.GRIDS.items() if grid == self.plan.grid)

    @property
    def share(self) -> bytes:
        """The bytes of NOISE that masks are bound to: those of a share."""
        return self.plan.message.pack()[4:9] if self.plan.whole else b""

    def delta(self, plan: PlannedRound, samples: Samples, key: bytes) -> list[np.float32]:
        """Return what a board learns by a noisy pass over its samples."""
        case = _KERNEL.Case(
            FEATURES, CLASSES, samples.zero_point, _F(samples.scale), 1, 1, _F(plan.training.rate), 0, 1,
            samples.train_x, samples.train_y.tolist(), plan.head, _F(0),
        )  # fmt: skip
        message = plan.training.noise
        assert message is not None
        clip = _F(message.clip)
        with np.errstate(over="ignore"):
            sums = _NOISE.clipped_sums(case, clip, message.grid)
            return list(_NOISE.noisy_delta(case, clip, message.grid, message.cost, sums, key))

    def lanes(
        self, delta: Sequence[np.float32], codec_up: str, boards: int, step: float, number: int, key: bytes
    ) -> list[int]:
        """Return the lanes of a board's delta that is bounded and has its share of the noise."""
        seed = codec.uplink_seed(0, number)
        return list(
            _MASKS.share_of(
                NUMBERS[codec_up], boards, list(delta), _F(step), seed, self.plan.grid, self.plan.cost, key
            )
        )

    @contextmanager
    def hosted(self) -> Iterator[None]:
        """Let a host sum up few boards; a rash one as few as masks allow."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(shares, "LEAST_SUM", MIN_SUM)
            if self.rash:
                patch.setattr(secure_sum, "least_survivors", lambda _boards: 0)
            yield

    def check_answers(self, ports: Sequence[Port], boards: int, delivered: int) -> None:
        """No board takes its masks off a sum whose noise is not whole, nor off another sum than the one there is."""
        for port in ports:
            said, port.answered = port.answered, []
            if self.plan.whole:
                assert all(least_of(boards) <= count == delivered for count in said), (
                    boards,
                    delivered,
                    said,
                )

    async def check_budget(self, port: Port) -> None:
        """A board has paid for each round that it made noise for, once, and never more than it had."""
        device = Device(LoopbackTransport(port.board, name=str(port.uid), framing="ble"))
        await device.connect(VISIT)
        told, message = await ask_budget(device), self.plan.message
        await device.close()
        assert told.budget in (0, message.budget) and told.spent <= told.budget
        made = len(port.keys)
        hidden = sum(len(keys) == 2 for number, keys in port.keys.items() if number not in port.forgotten)
        assert all(len(keys) <= 2 for keys in port.keys.values()), "noise was made twice for a round"
        paid = told.spent / message.cost
        assert hidden <= paid <= made, (
            f"board {port.uid} made noise in {made} rounds, hid {hidden}, paid {paid}"
        )
        assert told.spent % message.cost == 0
