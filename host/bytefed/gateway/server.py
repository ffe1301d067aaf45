"""The gateway of a room: trains the room's boards on request over a local socket, and pre-aggregates their deltas.

A gateway is a coordinator whose rounds are started from outside. A request has a round's number and the global head;
the gateway runs the round with its own boards and answers with `head + sum n_k delta_k / sum n_k` and `sum n_k`. That
is all that averaging over rooms needs (McMahan et al. 2017; the weighted mean of the rooms' means is the mean of all),
so the answer of a room has the size of one update, for any number of boards. Link bytes come from the room's ledger,
wide-area bytes from the forwarder that counts them (wide_area.py).

Where boards hide their deltas (docs/secure_sum.md), those of a room mask among themselves: the gateway reads their sum,
and passes that on. A room whose sum can't be read in a round has no answer to it.

On the socket, both ways: one line of JSON, then `size` bytes of float32 head. A request has run (1 to 2^32 - 1),
round and size. An answer has num_examples, participants, boards, loss, link_bytes, link_estimate, wide_down, wide_up
and size; or error, message and remedy.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bytefed.data.load import on_boards
from bytefed.device.device import Device
from bytefed.errors import BytefedError, ConfigError, LinkError, counted
from bytefed.events import Listener
from bytefed.federation.experiment import Experiment, NewRun, OpenRun, open_run
from bytefed.federation.held import HeldSamples
from bytefed.federation.rules import initial_head
from bytefed.federation.summed import require_boards
from bytefed.gateway.wide_area import WideArea
from bytefed.head import Head
from bytefed.runs.directory import DATABASE
from bytefed.runs.store import Store


@dataclass(frozen=True)
class Room:
    """The part of a federation that one gateway is responsible for.

    Attributes:
        experiment: The federation's task, its assignment to the clients of all rooms, and the boards' training. Its
            strategy makes the room's answer of their deltas: FedAvg, because the mean of its means is the mean of all.
        first: Number of the room's first client; boards are numbered from there.
        directory: Folder of its runs, which have one folder each.
    """

    experiment: Experiment
    first: int
    directory: Path

    def check(self, boards: int) -> None:
        """Refuse a room with clients that the partition does not have, or with too few for a secure sum or its noise.

        Raises:
            ConfigError: E_CONFIG_CLIENTS, E_CONFIG_SECURE_SUM, E_CONFIG_PRIVACY.
        """
        require_boards(self.experiment.config, boards)
        assignment = self.experiment.assignment
        if isinstance(assignment, HeldSamples):
            raise on_boards()
        clients = len(assignment.partition)
        if self.first + boards > clients:
            raise ConfigError(
                "E_CONFIG_CLIENTS",
                f"{counted(boards, 'board')} from client {self.first} on are more than the"
                f" {counted(clients, 'client')}.",
                "Give --clients the number of boards in all rooms, and --first those in the rooms before.",
            )


class _Run:
    """The room's part of one run of the federation."""

    def __init__(self, opened: OpenRun) -> None:
        self._opened = opened
        self.number = opened.store.run

    @classmethod
    async def begin(cls, room: Room, number: int, devices: Sequence[Device], listener: Listener) -> _Run:
        """Begin a run with all boards, or go on with one that an earlier gateway began."""
        directory = room.directory / f"{number:08x}"
        begun = (directory / DATABASE).exists()
        zeros = initial_head(room.experiment.task)
        where = Store.open(directory) if begun else NewRun(directory, number, zeros, room.first)
        try:
            run = cls(await open_run(room.experiment, where, devices, listener))
        except BaseException:
            if isinstance(where, Store):
                where.close()
            raise
        try:
            await run._opened.gather()
        except BaseException:
            await run.close()
            raise
        return run

    async def round(self, number: int, head: Head) -> tuple[dict[str, Any], Head]:
        """Run a round and return the answer; if the round is over already, return its answer again.

        Raises:
            LinkError: E_ROUND_VOID for a round whose sum can't be read, for good.
        """
        store = self._opened.store
        if number > store.head()[0]:
            await self._opened.coordinator.run_round(number, head)
        examples = self._opened.closing.weight(number)
        if not examples:
            raise _void(number)
        [row] = [row for row in store.rounds(number) if row.round == number]
        answer = {
            "num_examples": examples,
            "participants": row.participants,
            "boards": len(store.clients()),
            "loss": _mean_loss(store, number),
            "link_bytes": row.wire_total,
            "link_estimate": row.estimate_wire,
        }
        return answer, store.head_of(number)

    async def close(self) -> None:
        """End the run and leave its directory in order."""
        try:
            await self._opened.leave()
        finally:
            self._opened.store.close()


def _void(number: int) -> LinkError:
    return LinkError(
        "E_ROUND_VOID",
        f"Round {number} counts for nothing in this room: the sum of its hidden deltas can't be read.",
        "Ask for the next round; the other rooms go on without this one.",
    )


def _mean_loss(store: Store, number: int) -> float | None:
    """Return the mean loss over samples; None in a round that brought no statistics."""
    if total := store.sum_of(number):
        return total.loss
    deltas = [delta for delta in store.deltas(number) if delta.applied]
    told = [(delta.num_examples, delta.loss) for delta in deltas if delta.loss is not None]
    examples = sum(number for number, _ in told)
    return sum(number * loss for number, loss in told) / examples if examples else None


class Gateway:
    """Serves a room's boards on a local socket.

    Args:
        room: The room that it is responsible for.
        devices: The room's boards, not connected yet.
        wide_area: Counter of the bytes to and from the federation's server; None for no counting.
        listener: Called with each event.
    """

    def __init__(
        self, room: Room, devices: Sequence[Device], wide_area: WideArea | None, listener: Listener
    ) -> None:
        room.check(len(devices))
        self._room = room
        self._devices = devices
        self._wide_area = wide_area
        self._listener = listener
        self._run: _Run | None = None
        self._turn = asyncio.Lock()

    async def serve(self, socket: Path) -> None:
        """Answer requests until cancelled.

        Args:
            socket: Path of the local socket, which only this user may connect to.

        Raises:
            ConfigError: E_GATEWAY_SOCKET if another kind of file is there, or no socket of that path can be.
        """
        _make_way(socket)
        try:
            # It listens later, in serve_forever: when its mode is set, and where a cancellation closes it.
            server = await asyncio.start_unix_server(self._answer, socket, start_serving=False)
            socket.chmod(0o600)
        except OSError as error:
            raise ConfigError(
                "E_GATEWAY_SOCKET",
                f"{socket} can't be a socket ({error.strerror or error}).",
                "Name another path with --socket: a short one, in a folder that is there.",
            ) from error
        try:
            async with server:
                await server.serve_forever()
        finally:
            socket.unlink(missing_ok=True)
            if self._run is not None:
                await self._run.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answer, head = await self._ask(reader)
        except BytefedError as error:
            answer, head = {"error": error.code, "message": error.message, "remedy": error.remedy}, None
        blob = b"" if head is None else head.astype("<f4").tobytes()
        with suppress(OSError):
            writer.write(json.dumps({**answer, "size": len(blob)}).encode() + b"\n" + blob)
            await writer.drain()
            writer.close()

    async def _ask(self, reader: asyncio.StreamReader) -> tuple[dict[str, Any], Head]:
        expected = 4 * len(initial_head(self._room.experiment.task))
        try:
            request = json.loads(await reader.readline())
            run, number, size = (int(request[name]) for name in ("run", "round", "size"))
            if not (1 <= run < 2**32 and 1 <= number < 2**16 and size == expected):
                raise ValueError(f"run {run}, round {number}, {size} bytes of {expected}")
            head = np.frombuffer(await reader.readexactly(size), "<f4").astype(np.float32)
            if not np.isfinite(head).all():
                raise ValueError("the head has a NaN or an infinity")
        except (
            ValueError, TypeError, KeyError, OverflowError, RecursionError, asyncio.IncompleteReadError,
        ) as error:  # fmt: skip
            raise ConfigError(
                "E_GATEWAY_REQUEST",
                f"The request can't be understood ({error}).",
                "Use the same --data everywhere.",
            ) from error
        async with self._turn:
            return await self._round(run, number, head)

    async def _round(self, run: int, number: int, head: Head) -> tuple[dict[str, Any], Head]:
        if self._run is None or self._run.number != run:
            if self._run is not None:
                await self._run.close()
                self._run = None
            self._run = await _Run.begin(self._room, run, self._devices, self._listener)
        answer, mean = await self._run.round(number, head)
        down, up = self._wide_area.take() if self._wide_area else (0, 0)
        return {**answer, "wide_down": down, "wide_up": up}, mean


def _make_way(socket: Path) -> None:
    """Remove the socket of a gateway that was killed, and nothing else."""
    if socket.is_socket():
        socket.unlink()
    elif socket.is_symlink() or socket.exists():
        raise ConfigError(
            "E_GATEWAY_SOCKET", f"{socket} is there, and is no socket.", "Name another --socket."
        )
