"""Models the possible contents of a disk after a power failure, and checks what a run directory must hold in any case.

A disk keeps all that was synced. In a file that was changed since, each 512-byte sector may be in any state that it
has had, the file may have any of its sizes, and bytes that nobody wrote may be zeros or anything. Any part of the
changes to a folder since it was synced may be missing.
"""

from __future__ import annotations

import asyncio
import random
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from disk_trace import BOARDS, E_FAILED, C, D, Operation, Told, Traced, told_after, trace

from bytefed.errors import StoreError
from bytefed.federation import experiment
from bytefed.federation.config import RunConfig
from bytefed.head import Head
from bytefed.runs.store import Store
from bytefed.strategies.base import FedAvg, Update
from bytefed.strategies.robust import bound_norms

SECTOR = 512
Fate = Literal["nothing", "all", "prefix", "any"]
FATES: tuple[Fate, ...] = ("nothing", "all", "prefix", "any")
"""The fates of changes that were not synced: none survives; all; those before one that is torn; or any of them."""


class Lost(AssertionError):  # noqa: N818 (a finding, not an error of the program)
    """A state in which a promise of the store is broken."""


@dataclass(eq=False)
class File:
    """A file as it was synced, the file as processes see it, and the operations in between."""

    durable: bytearray = field(default_factory=bytearray)
    live: bytearray = field(default_factory=bytearray)
    pending: list[Operation] = field(default_factory=list)

    def change(self, operation: Operation) -> None:
        self.pending.append(operation)
        _change(self.live, operation)

    def sync(self) -> None:
        for operation in self.pending:
            _change(self.durable, operation)
        self.pending.clear()

    def found(self, fate: Fate, rng: random.Random) -> bytes:
        """Return a possible content after the power failed."""
        if fate == "nothing" or not self.pending:
            return bytes(self.durable)
        if fate == "all":
            return bytes(self.live)
        if fate == "any":
            return _shuffled(bytearray(self.durable), self.pending, rng)
        torn = rng.randrange(len(self.pending))
        content = bytearray(self.durable)
        for operation in self.pending[:torn]:
            _change(content, operation)
        return _shuffled(content, self.pending[torn : torn + 1], rng)


Names = dict[str, File | None]
"""Files by path; None is a folder."""


def _change(content: bytearray, operation: Operation) -> None:
    end = operation.offset + len(operation.data)
    if operation.kind == "T":
        end = operation.offset
        del content[end:]
    content.extend(bytes(max(0, end - len(content))))
    if operation.kind == "W":
        content[operation.offset : end] = operation.data


def _shuffled(content: bytearray, operations: Sequence[Operation], rng: random.Random) -> bytes:
    """Each sector as it was at any time during some operations, and any of the sizes."""
    before, sizes = bytes(content), [len(content)]
    states: dict[int, list[bytes]] = {}
    for operation in operations:
        _change(content, operation)
        sizes.append(len(content))
        end = operation.offset + len(operation.data)
        for sector in range(operation.offset // SECTOR * SECTOR, end, SECTOR):
            states.setdefault(sector, [before[sector : sector + SECTOR]]).append(
                bytes(content[sector : sector + SECTOR])
            )
    size = rng.choice(sizes)
    noise = rng.randbytes if rng.random() < 0.5 else bytes
    found = bytearray(before[:size]) + noise(max(0, size - len(before)))
    for sector, each in states.items():
        state = rng.choice(each)[: max(0, size - sector)]
        found[sector : sector + len(state)] = state
    return bytes(found)


class Disk:
    """A folder's files, as the operations on them make them."""

    def __init__(self) -> None:
        self._live: Names = {"": None}
        self._durable: Names = {"": None}
        self._moves: list[
            tuple[Operation, File | None]
        ] = []  # of names, and what they name; since the last sync

    def apply(self, operation: Operation) -> None:
        """One more operation."""
        kind, path = operation.kind, operation.path
        if kind in "CDUR":
            entry = None if kind == "D" else File() if kind == "C" else self._live[path]
            self._moves.append((operation, entry))
            _move(self._live, operation, entry)
        elif kind in "WTS":
            file = self._live[path]
            if file is None:
                self._sync_folder(path)
            elif kind == "S":
                file.sync()
            else:
                file.change(operation)

    def _sync_folder(self, folder: str) -> None:
        for operation, entry in self._moves:
            if _folder(operation.path) == folder:
                _move(self._durable, operation, entry)
        self._moves = [move for move in self._moves if _folder(move[0].path) != folder]

    def live(self) -> dict[str, bytes]:
        """All files as processes see them."""
        return {path: bytes(file.live) for path, file in self._live.items() if file is not None}

    def after_power_loss(self, fate: Fate, rng: random.Random) -> dict[str, bytes | None]:
        """Return a possible state of the disk: content by path, None for folders."""
        names = dict(self._durable)
        for operation, entry in self._moves:
            if fate == "all" or (fate != "nothing" and rng.random() < 0.5):
                _move(names, operation, entry)
        found: dict[str, bytes | None] = {"": None}
        for path, file in sorted(names.items()):  # a folder comes before what is in it
            if path and _folder(path) in found:
                found[path] = None if file is None else file.found(fate, rng)
        return found


def _move(names: Names, operation: Operation, entry: File | None) -> None:
    if operation.kind in "UR":
        names.pop(operation.path, None)
    if operation.kind == "R":
        names[operation.data.decode()] = entry
    elif operation.kind != "U":
        names[operation.path] = entry


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def put(found: dict[str, bytes | None], disk: Path) -> None:
    """Make a folder what was found."""
    shutil.rmtree(disk, ignore_errors=True)
    for path, content in found.items():
        if content is None:
            (disk / path).mkdir()
        else:
            (disk / path).write_bytes(content)


class Judge:
    """Knows all that a run's boards sent, and looks for it in what the power left."""

    def __init__(self, sent: dict[tuple[int, str], bytes]) -> None:
        self._sent = sent
        self._sound: set[int] = set()  # heads with their updates that were found to fit

    def look(self, run: Path, told: Told) -> bool:
        """Look into a run directory.

        Returns:
            Whether there is a run.

        Raises:
            Lost: The boards had been told something else.
        """
        try:
            store = Store.open(run)
        except StoreError as error:
            if error.code == "E_RUN_MISSING" and not told.begun:
                return False
            raise Lost(f"the run can't be opened: {error}") from error
        try:
            self._integrity(store)
            if len(store.clients()) != BOARDS:
                raise Lost("there is a run without its boards")
            self._deltas(store, told)
            self._heads(store, told)
        finally:
            store.close()
        return True

    def _integrity(self, store: Store) -> None:
        verdicts = store._rows("PRAGMA integrity_check")
        if verdicts != [("ok",)]:
            raise Lost(f"SQLite says {verdicts}")

    def _deltas(self, store: Store, told: Told) -> None:
        rows = store._rows("SELECT round, board, status, delta FROM deltas")
        times = Counter((number, board) for number, board, _, _ in rows)
        for key, counted in told.released.items():
            if times[key] != 1:
                raise Lost(f"the delta of {key} was released and is there {times[key]} times")
            [found] = [row[2] for row in rows if (row[0], row[1]) == key]
            if found != ("ok" if counted else "late"):
                raise Lost(f"the delta of {key} was released as counted: {counted}, and is {found}")
        for number, board, _, delta in rows:
            if delta != self._sent.get((number, board)):
                raise Lost(f"the delta of {(number, board)} is not what the board sent")

    def _heads(self, store: Store, told: Told) -> None:
        newest, _ = store.head()
        if newest < told.begun - 1:
            raise Lost(f"round {told.begun} was begun from a head that is gone; the newest is {newest}")
        config = RunConfig.from_toml(store.meta("config"), "")
        clients = store.clients()
        head = store.head_of(0)
        for number in range(1, newest + 1):
            deltas = [delta for delta in store.deltas(number) if delta.applied]
            made = store.head_of(number)
            counted = [(d.board, d.num_examples, d.delta.tobytes()) for d in deltas]
            seen = hash((head.tobytes(), made.tobytes(), *counted))
            if seen not in self._sound:
                updates = [Update(clients[d.board], d.num_examples, d.delta) for d in deltas]
                self._compare(number, head, updates, config, made)
                self._sound.add(seen)
            head = made
        applied = [delta for delta in store.deltas(newest + 1) if delta.applied]
        if applied:
            raise Lost(f"deltas of round {newest + 1} count for a head that is not there")

    def _compare(self, number: int, head: Head, updates: list[Update], config: RunConfig, made: Head) -> None:
        if not updates:
            raise Lost(f"the head of round {number} is there, and nothing that made it")
        expected = FedAvg().aggregate(head, bound_norms(updates, config.norm_bound)[0])
        if expected.tobytes() != made.tobytes():
            raise Lost(f"the head of round {number} is not the mean of what counts as applied")


def head_of(run: Path, number: int | None = None) -> bytes:
    """The head that a round made; without a number, the newest one."""
    store = Store.open(run)
    try:
        return (store.head()[1] if number is None else store.head_of(number)).tobytes()
    finally:
        store.close()


def resume(run: Path) -> bytes:
    """Go on with a run to its end; its head then."""
    boards = {"boards": (f"loopback:{BOARDS}",)}
    summary = asyncio.run(experiment.resume(run, boards, lambda event: None))
    if not summary["complete"]:
        raise Lost("the run can't go on to its end")
    return head_of(run)


@dataclass
class Losses:
    """The results of a series of power losses."""

    operations: int = 0
    syncs: int = 0
    states: int = 0
    begun: int = 0
    released: int = 0
    resumed: int = 0


def lose_power(traced: Traced, work: Path, states: int, resumes: int, seed: int) -> Losses:
    """Let the power fail in a run: before and after each sync, and in between as often as is asked for.

    Args:
        traced: The run.
        work: A folder for what is found, which is emptied.
        states: At least so many, each with what survives drawn anew.
        resumes: In so many of them the run goes on to its end.
        seed: Seed of all draws.

    Raises:
        Lost: With the state that shows it.
    """
    operations = traced.operations()
    history = told_after(operations)
    judge, final = Judge(history[-1].sent), head_of(traced.run)
    points = _points(operations, states, seed)
    due = set(random.Random(f"resume {seed}").sample(range(len(points)), resumes))
    disk, tally = Disk(), Losses(len(operations), sum(o.kind == "S" for o in operations))
    done = 0
    for index, (point, fate) in enumerate(points):
        while done < point:
            disk.apply(operations[done])
            done += 1
        put(disk.after_power_loss(fate, random.Random(f"{seed}/{index}")), work)
        try:
            begun = judge.look(work / "runs" / "run", history[point])
            if not begun:  # what is left is in nobody's way
                Store.create(work / "runs" / "run", 1, np.zeros(D * C + C, np.float32), "", {}).close()
            elif index in due:
                if resume(work / "runs" / "run") != final:
                    raise Lost("the run that went on ended with another head")
                tally.resumed += 1
        except Lost as error:
            raise Lost(
                f"seed {seed}, operation {point}, {fate} of what was not synced survives: {error}"
            ) from error
        tally.states += 1
        tally.begun += begun
        tally.released += len(history[point].released)
    return tally


def fail_disk(folder: Path, library: Path, rounds: int, fail: str) -> Traced:
    """Let a run end by a disk that fails, look what it left, and go on with it.

    Args:
        folder: Empty.
        library: From ``disk_trace.build``.
        rounds: Number of rounds of the run.
        fail: Which operations, as disk_trace.cpp has it.

    Returns:
        The run that failed; what came of going on is in its directory.

    Raises:
        Lost: Something that was released is gone, or the run can't go on.
    """
    failed = trace(folder, library, rounds, fail=fail)
    if failed.status not in (0, E_FAILED):
        raise Lost(f"a disk that failed at {fail} is no coded error: {failed.output}")
    told = told_after(failed.operations())[-1]
    Judge(told.sent).look(failed.run, told)
    again = trace(folder, library, rounds)
    if again.status != 0:
        raise Lost(f"after a disk that failed at {fail} the run can't go on: {again.output}")
    return failed


def _points(operations: Sequence[Operation], states: int, seed: int) -> list[tuple[int, Fate]]:
    """Return the operations at which the power fails, in order, and the fate of changes that were not synced then."""
    rng = random.Random(f"points {seed}")
    syncs = [at for at, operation in enumerate(operations) if operation.kind == "S"]
    around = [(point, fate) for at in syncs for point in (at, at + 1) for fate in FATES]
    if len(around) > states:
        around = [(at, rng.choice(FATES)) for at in sorted({*syncs, *(at + 1 for at in syncs)})]
    between = [(rng.randrange(len(operations) + 1), rng.choice(FATES)) for _ in range(states - len(around))]
    return sorted([*around, *between], key=lambda point: point[0])
