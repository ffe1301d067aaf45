"""A room's boards for a federation of rooms: trains them for whoever asks on a local socket, and pre-aggregates.

A gateway is a coordinator whose rounds come from elsewhere. Asked with a round's number and the global head, it runs
the round with its own boards and answers with `head + sum n_k delta_k / sum n_k` and `sum n_k`: all that averaging over
rooms needs (McMahan et al. 2017; the weighted mean of the rooms' means is the mean of all). So what leaves a room has
the size of one update, whatever the number of boards. Bytes: link bytes from the room's ledger, wide-area bytes as the
forwarder counts them (wide_area.py).

On the socket, both ways: one line of JSON, then `size` bytes of float32 head. A request has run (1 to 2^32 - 1),
round and size. An answer has num_examples, participants, boards, loss, link_bytes, link_estimate, wide_down, wide_up
and size; or error, message and remedy.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bytefed.data import Task
from bytefed.data.partition import Partition
from bytefed.device.device import Device
from bytefed.errors import BytefedError, ConfigError
from bytefed.events import Listener
from bytefed.federation.config import RunConfig
from bytefed.federation.coordinator import Coordinator
from bytefed.federation.experiment import initial_head
from bytefed.federation.fleet import Demands, Fleet, Shares, connect_all
from bytefed.gateway.wide_area import WideArea
from bytefed.head import Head
from bytefed.runs.csv_files import Records
from bytefed.runs.directory import DATABASE, versions
from bytefed.runs.store import Store
from bytefed.strategies.base import FedAvg


@dataclass(frozen=True)
class Room:
    """What a gateway is responsible for.

    Attributes:
        config: How its boards train, and how rounds go.
        task: What is learnt.
        partition: Who has what, over all rooms.
        first: The number of the room's first client; boards are numbered from there.
        directory: Of its runs, one folder each.
    """

    config: RunConfig
    task: Task
    partition: Partition
    first: int
    directory: Path

    def check(self, boards: int) -> None:
        """Refuse a room with other clients than the partition has.

        Raises:
            ConfigError: E_CONFIG_CLIENTS.
        """
        if self.first + boards > len(self.partition):
            raise ConfigError(
                "E_CONFIG_CLIENTS",
                f"{boards} boards from client {self.first} on are more than the {len(self.partition)} clients.",
                "Give --clients the number of boards in all rooms, and --first those in the rooms before.",
            )


class _Run:
    """The room's part of one run of the federation."""

    def __init__(self, room: Room, store: Store, listener: Listener) -> None:
        self.number = store.run
        self._store = store
        self._fleet = Fleet(
            store,
            Shares(room.task, room.partition),
            Demands.of(room.task, room.config.batch_size),
            room.config.codec,
            listener,
        )
        records = Records(store)
        self._coordinator = Coordinator(
            room.config, room.task, self._fleet, store, records, FedAvg(), listener
        )
        self._boards = len(store.clients())

    @classmethod
    async def begin(cls, room: Room, number: int, devices: Sequence[Device], listener: Listener) -> _Run:
        """Begin a run with all boards; or go on with one that an earlier gateway began."""
        directory = room.directory / f"{number:08x}"
        if (directory / DATABASE).exists():
            run = cls(room, Store.open(directory), listener)
            await run._fleet.join_all(devices)
            return run
        seconds = await connect_all(devices, number, Demands.of(room.task, room.config.batch_size))
        store = Store.create(
            directory, number, initial_head(room.task), room.config.to_toml(), versions(),
            boards=[(device.name, device.profile.name) for device in devices], first=room.first,
        )  # fmt: skip
        run = cls(room, store, listener)
        await run._fleet.admit_all(devices, seconds)
        return run

    async def round(self, number: int, head: Head) -> tuple[dict[str, Any], Head]:
        """Run a round; one that is over already is answered once more."""
        if number > self._store.head()[0]:
            await self._coordinator.run_round(number, head)
        [row] = [row for row in self._store.rounds(number) if row.round == number]
        deltas = [delta for delta in self._store.deltas(number) if delta.applied]
        examples = sum(delta.num_examples for delta in deltas)
        answer = {
            "num_examples": examples,
            "participants": row.participants,
            "boards": self._boards,
            "loss": sum(delta.num_examples * delta.loss for delta in deltas) / examples,
            "link_bytes": row.wire_total,
            "link_estimate": row.estimate_wire,
        }
        return answer, self._store.head_of(number)

    async def close(self) -> None:
        """Leave the run's directory in order."""
        await self._coordinator.end_work()
        await self._fleet.close()
        self._store.close()


class Gateway:
    """Serves a room's boards on a local socket.

    Args:
        room: What it is responsible for.
        devices: Its boards, not connected yet.
        wide_area: Counts the bytes to and from the federation's server; None where nobody does.
        listener: Is told what happens.
    """

    def __init__(
        self, room: Room, devices: Sequence[Device], wide_area: WideArea | None, listener: Listener
    ) -> None:
        room.check(len(devices))
        self._room = replace(room, config=replace(room.config, strategy="fedavg"))
        self._devices = devices
        self._wide_area = wide_area
        self._listener = listener
        self._run: _Run | None = None
        self._turn = asyncio.Lock()

    async def serve(self, socket: Path) -> None:
        """Answer until cancelled.

        Args:
            socket: Path of the local socket; only this user may speak to it.
        """
        with suppress(FileNotFoundError):
            socket.unlink()
        server = await asyncio.start_unix_server(self._answer, socket)
        socket.chmod(0o600)
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
        expected = 4 * len(initial_head(self._room.task))
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
