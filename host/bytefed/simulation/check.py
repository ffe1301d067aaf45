"""Checks a simulation: some of its clients also train as virtual boards; same bits and same bytes, or E_CHECK.

Each checked client is the firmware's whole session behind the real wire protocol. It gets the same samples and goes
through the same rounds; its results and the bytes that its port counted must equal those of the simulation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bytefed.boards.loopback import LoopbackTransport
from bytefed.boards.virtual import BoardKind, board_uid, make_board
from bytefed.device.device import Device
from bytefed.device.plan import PlannedRound, RoundReply
from bytefed.errors import BoardError, BytefedError
from bytefed.federation.assignment import Assignment
from bytefed.federation.local_training import LocalTraining
from bytefed.head import Head
from bytefed.ledger.count import PARTS, ByteCount
from bytefed.ledger.planned_run import has_statistics
from bytefed.ledger.wire_size import blob_size, blobs_bytes, connection_bytes
from bytefed.masks.total import Hide
from bytefed.seal import draw_key
from bytefed.seeds import training_seed
from bytefed.simulation.links import ClientLinks
from bytefed.simulation.noise import noise_key
from bytefed.simulation.simulator import Evaluation, Outcome

_COMPARED = tuple(part for part in PARTS if part not in ("probe", "retransmission"))
"""The causes that are compared; the other two are left out because a busy machine may make the host ask again."""


class Check:
    """The clients that are checked.

    Args:
        training: The local training of all clients.
        assignment: The task and each client's samples.
        links: The link of each client.
        clients: Numbers of the clients to check.
        statistics_rounds: Each round with a multiple of this number brings statistics; 0 for none.
    """

    def __init__(
        self,
        training: LocalTraining,
        assignment: Assignment,
        links: ClientLinks,
        clients: Sequence[int],
        *,
        statistics_rounds: int,
    ) -> None:
        self._training = training
        self._statistics_rounds = statistics_rounds
        self._assignment = assignment
        self._links = links
        self._shape = (assignment.task.D, assignment.task.num_classes)
        self._devices = {client: self._device(client) for client in clients}
        self._configured: dict[int, float] = {}
        self._hide: Hide | None = None  # how deltas are hidden in this round
        self._rounds = self._bytes = 0
        self._runner = asyncio.Runner()

    def _device(self, client: int) -> Device:
        profile = self._links.profile(client)
        capacity = max(1, int(self._assignment.partition.sizes[client]))
        kind = BoardKind(*self._shape, None, capacity, max(1, self._training.batch_size), profile.window_down)
        mtu = int(profile.name.partition(":")[2] or 247)
        key = draw_key() if profile.sealed else None
        seed = training_seed(self._training.seed, client)
        board = make_board(kind, board_uid(0, client), key=key, noise=partial(noise_key, seed))
        return Device(LoopbackTransport(board, name=str(client), framing=profile.framing, mtu=mtu, key=key))

    def connect(self) -> None:
        """Open all sessions, and give the boards their samples."""
        for client in self._devices:
            self._runner.run(self._connect(client, 0))

    async def _connect(self, client: int, number: int) -> None:
        device = self._devices[client]
        await device.connect(1)
        self._compare(number, client, connection_bytes(self._links.profile(client)))
        await device.provision(self._assignment.samples(client, device))
        device.take_bytes()  # simulated clients have their samples already
        self._configured.pop(client, None)

    def round(self, number: int, head: Head, lost: NDArray[np.int64], outcome: Outcome) -> None:
        """Let the checked clients that took part in a round repeat it on their boards.

        Raises:
            BytefedError: E_CHECK when anything differs.
        """
        for client in sorted(self._devices.keys() & set(lost.tolist())):
            self._runner.run(self._lose(number, head, client))
        for client in sorted(outcome.deltas):
            self._runner.run(self._train(number, head, client, outcome))

    async def _train(self, number: int, head: Head, client: int, outcome: Outcome) -> None:
        place = int(np.searchsorted(outcome.clients, client))
        spared = bool(outcome.spared[np.searchsorted(outcome.asked, client)])
        planned = self._planned(number, head, client)
        configures, up = self._configures(number, client), planned.blobs[1]
        try:
            reply = await self._devices[client].train(planned)
        except BoardError as error:
            if error.code != "E_BOARD_NOT_FINITE" or outcome.counted[place]:
                raise
            up = 0
        else:
            self._compare_learnt(number, client, reply, outcome, place)
        self._compare(number, client, self._round_bytes(client, planned, spared, up, configures=configures))
        self._rounds += 1

    def _planned(self, number: int, head: Head, client: int) -> PlannedRound:
        """Return a round in which a client trains."""
        statistics = has_statistics(number, self._statistics_rounds)
        plan = replace(self._training.plan(number, client), hide=self._hide)
        return self._devices[client].plan_round(number, head, plan, statistics=statistics)

    async def _lose(self, number: int, head: Head, client: int) -> None:
        """Let a board take the head and be lost; a new session follows."""
        device, plan = self._devices[client], self._training.plan(number, client)
        await device.train(device.plan_round(number, head, plan, train=False, statistics=False))
        device.take_bytes()
        await device.close()
        await self._connect(client, number)

    def evaluate(self, number: int, head: Head, found: Evaluation) -> None:
        """Let the checked clients evaluate the last head, too; all clients did in the simulation."""
        for client in self._devices:
            self._runner.run(self._evaluate(number, head, client, found))

    async def _evaluate(self, number: int, head: Head, client: int, found: Evaluation) -> None:
        device, plan = self._devices[client], self._training.plan(number, client)
        planned = device.plan_round(number, head, plan, train=False)
        reply = await device.train(planned)
        told = reply.statistics.test_correct if reply.statistics else None
        right = 0 if self._training.noise else int(found.correct[client])
        _require(number, client, "test samples right", told, right)
        _compare_personal(number, client, reply, found.personal, client)
        spared, configures = bool(found.spared[client]), client not in self._configured
        self._compare(number, client, self._round_bytes(client, planned, spared, 0, configures=configures))

    def end(self, number: int) -> None:
        """End a run of secure sums; a run without them has ended with its evaluation."""

    def _round_bytes(
        self, client: int, planned: PlannedRound, spared: bool, up: int, *, configures: bool
    ) -> ByteCount:
        """Return what a round takes by the closed forms.

        Args:
            client: The client.
            planned: The round.
            spared: Whether the client holds the round's head.
            up: Bytes of the delta that it sends; 0 for none.
            configures: Whether CONFIG is due.
        """
        return blobs_bytes(
            self._links.profile(client),
            0 if spared else blob_size(self._training.codec_down, *self._shape),
            up,
            statistics=planned.statistics,
            configures=configures,
            noises=planned.noise is not None,
            masked=planned.hide is not None,
        )

    def _configures(self, number: int, client: int) -> bool:
        """Return whether a client gets a CONFIG in a round, which it then has."""
        rate = self._training.rate(number)
        due = self._configured.get(client) != rate
        self._configured[client] = rate
        return due

    def _compare(self, number: int, client: int, expected: ByteCount) -> None:
        taken = self._devices[client].take_bytes()
        for cause in _COMPARED:
            _require(number, client, f"bytes of {cause}", getattr(taken, cause), getattr(expected, cause))
        self._bytes += taken.wire_total

    def _compare_learnt(
        self, number: int, client: int, reply: RoundReply, outcome: Outcome, place: int
    ) -> None:
        """Compare what a client learnt with the outcome, in which it has that place."""
        _compare_delta(number, client, reply, outcome, place)

    def summary(self) -> dict[str, int]:
        """Return the numbers of clients, rounds and bytes that were compared."""
        return {"clients": len(self._devices), "rounds": self._rounds, "bytes": self._bytes}

    def close(self) -> None:
        """Let go of the boards."""
        for device in self._devices.values():
            self._runner.run(device.close())
        self._runner.close()


def _compare_delta(number: int, client: int, reply: RoundReply, outcome: Outcome, place: int) -> None:
    told, delta = reply.statistics, reply.delta
    simulated = outcome.deltas[client]
    same = delta is not None and delta.tobytes() == simulated.tobytes()
    _require(number, client, "delta", "the same bits" if same else "other bits", "the same bits")
    _require(number, client, "num_examples", reply.num_examples, int(outcome.num_examples[place]))
    if told is None:
        return
    for what, on_board, here in (
        ("num_examples in RESULT", told.num_examples, int(outcome.num_examples[place])),
        ("loss", np.float32(told.loss).tobytes(), outcome.losses[place].tobytes()),
        (
            "training samples right",
            reply.correct,
            None if len(outcome.personal) else int(outcome.correct[place]),
        ),
        ("test samples right", told.test_correct, int(outcome.tested[place])),
    ):
        _require(number, client, what, on_board, here)
    _compare_personal(number, client, reply, outcome.personal, place)


def _compare_personal(
    number: int, client: int, reply: RoundReply, personal: NDArray[np.int32], place: int
) -> None:
    here = int(personal[place]) if len(personal) else None
    _require(number, client, "test samples that its personal head gets right", reply.personal, here)


def _require(number: int, client: int, what: str, on_board: Any, simulated: Any) -> None:
    require_same(number, f"client {client}", what, on_board, simulated)


def require_same(number: int, who: str, what: str, on_boards: Any, simulated: Any) -> None:
    """Make sure that virtual boards have what their clients have.

    Args:
        number: The round.
        who: The clients, in words.
        what: Name of the thing that is compared.
        on_boards: Its value on the boards.
        simulated: Its value in the simulation.

    Raises:
        BytefedError: E_CHECK.
    """
    if on_boards != simulated:
        raise BytefedError(
            "E_CHECK",
            f"Round {number}, {who}: {what}: virtual boards have {on_boards}, the simulation {simulated}.",
            "This is a defect in bytefed: please report it with the command.",
        )
