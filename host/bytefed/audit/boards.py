"""Virtual boards of an audit's own: the firmware's core with the run's samples, over the real protocol.

They do as boards do, refusals included; what an attacker gets of them is what a coordinator gets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from bytefed.audit.subject import Subject
from bytefed.boards.loopback import LoopbackTransport
from bytefed.boards.virtual import BoardKind, board_uid, make_board
from bytefed.data.task import Samples
from bytefed.device.device import Device
from bytefed.device.hiding import draw_point
from bytefed.device.plan import Samples as Provisioned
from bytefed.device.plan import TrainingPlan
from bytefed.head import Head
from bytefed.masks.form import MIN_SUM
from bytefed.protocol.message import Mask
from bytefed.seal import draw_key

_MAX_BATCH = 255


@dataclass(frozen=True, eq=False)
class Seen:
    """Something that a coordinator gets of a round: a board's delta, or the sum of several boards'.

    Attributes:
        boards: Places of the boards that it is the sum of.
        delta: float64 [P].
    """

    boards: tuple[int, ...]
    delta: NDArray[np.float64]


@dataclass(frozen=True)
class Ask:
    """A request to a board in a round.

    Attributes:
        board: Place of the board.
        plan: How it is to train.
        uncounted: Whether its last delta did not count.
    """

    board: int
    plan: TrainingPlan
    uncounted: bool = False


class Boards:
    """Virtual boards, each with samples of its own; a context manager.

    Args:
        subject: The run that is audited: its settings say what a coordinator sees of these boards.
        holdings: The samples that each board trains on, at least one.

    Attributes:
        rounds: Rounds that were played to their end.
        bytes: Bytes of these on the wire, both ways.
    """

    def __init__(self, subject: Subject, holdings: Sequence[Samples]) -> None:
        self.rounds = self.bytes = 0
        self._subject, self._holdings = subject, holdings
        self._runner = asyncio.Runner()
        self._devices = [self._device(place) for place in range(len(holdings))]

    def _device(self, place: int) -> Device:
        layer, config = self._subject.layer, self._subject.recorded.config
        kind = BoardKind(layer.features, layer.classes, None, len(self._holdings[place]), _MAX_BATCH)
        key = None if config.open else draw_key()
        board = make_board(kind, board_uid(0, place), key=key)
        return Device(LoopbackTransport(board, name=str(place), key=key))

    def __enter__(self) -> Self:
        self._runner.run(self._open())
        return self

    async def _open(self) -> None:
        layer = self._subject.layer
        none = np.empty((0, layer.features), np.int8), np.empty(0, np.uint8)
        for device, held in zip(self._devices, self._holdings, strict=True):
            await device.connect(1)
            samples = Provisioned(
                "features", held.features, held.labels, *none, layer.scale, layer.zero_point
            )
            await device.provision(samples)
            device.take_bytes()

    def mask(self) -> None:
        """Make the run of all boards a masked one, as the setup of a secure sum does."""
        for device in self._devices:
            self._runner.run(draw_point(device, Mask(0, MIN_SUM, 1, MIN_SUM)))
            self.bytes += device.take_bytes().wire_total

    def reconnect(self) -> None:
        """Open a new session with all boards: what NOISE and CONFIG said was for the one before."""
        for device in self._devices:
            self._runner.run(device.close())
            self._runner.run(device.connect(1))
            device.take_bytes()

    def round(self, number: int, head: Head, asks: Sequence[Ask]) -> list[Seen]:
        """Let boards train, and return what a coordinator then has.

        Args:
            number: The round, 1 to 65535, larger than the last.
            head: float32 [P], the head that they get.
            asks: The boards that are asked, and how they are to train.

        Raises:
            BoardError: E_BOARD_BAD_VALUE if a board refuses to train so.
        """
        seen = self._runner.run(self._round(number, head, asks))
        self.rounds += 1
        return seen

    async def _round(self, number: int, head: Head, asks: Sequence[Ask]) -> list[Seen]:
        seen: list[Seen] = []
        for ask in asks:
            device = self._devices[ask.board]
            planned = device.plan_round(number, head, ask.plan, statistics=False, uncounted=ask.uncounted)
            try:
                delta = (await device.train(planned)).delta
            finally:
                self.bytes += device.take_bytes().wire_total
            if delta is not None:
                seen.append(Seen((ask.board,), delta.astype(np.float64)))
        return _summed(seen) if self._subject.protection.sums else seen

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        for device in self._devices:
            self._runner.run(device.close())
        self._runner.close()


def _summed(seen: Sequence[Seen]) -> list[Seen]:
    """Return one sum in place of all deltas, as a coordinator has it under a secure sum."""
    boards = tuple(place for each in seen for place in each.boards)
    return [Seen(boards, np.sum([each.delta for each in seen], axis=0))] if seen else []


def by_boards(seen: Sequence[tuple[int, Seen]]) -> dict[tuple[int, ...], list[tuple[int, Seen]]]:
    """Return rounds and what was seen in them, for each board or sum of boards."""
    found: dict[tuple[int, ...], list[tuple[int, Seen]]] = {}
    for number, each in seen:
        found.setdefault(each.boards, []).append((number, each))
    return found
