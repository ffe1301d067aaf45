"""The real coordinator, killed by SIGKILL at random instants, over sealed boards behind pseudo-terminals."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bytefed.boards.virtual import BoardKind, PtyBoard, board_uid, make_board, serve_boards
from bytefed.errors import BytefedError
from bytefed.federation import experiment
from bytefed.federation.config import RunConfig
from bytefed.keys import BoardKey, KeyFile
from bytefed.protocol.message import State
from bytefed.runs.store import Store

D, C = 6, 3
BOARDS = 3
_NOBODY: Callable[[object], None] = lambda event: None  # noqa: E731


@dataclass(frozen=True)
class Kills:
    """The results of a series of kills."""

    kills: int
    rounds: int
    released: int
    lost: int
    twice: int
    head: bytes


def _key(uid: int) -> bytes:
    return random.Random(f"key {uid}").randbytes(32)


class _Released:
    """A board that writes down, as they happen, the rounds whose delta it was told is stored."""

    def __init__(self, uid: int, log: int) -> None:
        self._board: Any = make_board(BoardKind(D, C), uid, key=_key(uid))
        self._uid = uid
        self._log = log

    def __getattr__(self, name: str) -> Any:
        return getattr(self._board, name)

    def feed(self, data: bytes) -> None:
        before = self._board.state, self._board.round
        self._board.feed(data)
        released = (self._board.state, self._board.round) == (State.IDLE, before[1])
        if before[0] == State.READY and (released or self._board.round > before[1]):
            os.write(self._log, f"{before[1]} {self._uid:016x}\n".encode())


def write_data(path: Path, features: int = D, classes: int = C) -> None:
    """Write a small task: heaps of points."""
    rng = np.random.default_rng(5)
    y = rng.integers(0, classes, 90)
    points = rng.normal(0, 1, (90, features)) + 2 * np.eye(classes, features)[y]
    np.savez(path, X=points.astype(np.float32), y=y)


def _fork(work: Callable[[], object]) -> int:
    """Run something in a process of its own and return the process's number."""
    pid = os.fork()
    if pid == 0:
        status = 1
        with suppress(BaseException):
            work()
            status = 0
        os._exit(status)
    return pid


@contextmanager
def boards(log: Path) -> Iterator[list[str]]:
    """Paired boards in a process of their own; gives their ports."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.environ["BYTEFED_KEYS"] = str(log.with_name("keys.toml"))
    uids = [board_uid(1, number) for number in range(BOARDS)]
    with KeyFile().changing() as known:
        known.update({uid: BoardKey(uid, _key(uid)) for uid in uids})
    ptys = [PtyBoard(_Released(uid, descriptor), None) for uid in uids]  # type: ignore[arg-type]
    pid = _fork(lambda: serve_boards(ptys, lambda: os.getppid() == 1))
    try:
        yield [f"serial:{pty.port}" for pty in ptys]
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(descriptor)
        del os.environ["BYTEFED_KEYS"]
        for pty in ptys:
            pty.close()


def kill_often(folder: Path, kills: int, seed: int, codec: str = "float32") -> Kills:
    """Kill a coordinator so many times, let it end, and count.

    Args:
        folder: Empty.
        kills: Number of kills.
        seed: Seed of the instants.
        codec: Codec of the run.
    """
    rng = random.Random(seed)
    write_data(folder / "heaps.npz")
    run, log = folder / "run", folder / "released"
    with boards(log) as ports:
        config = _config(folder, ports, codec)
        for _ in range(kills):
            pid = _fork(lambda: begin_or_resume(config, run))
            time.sleep(rng.uniform(0.05, 0.7))
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        rounds = _rounds(run) + 1
        asyncio.run(experiment.resume(run, {"rounds": rounds}, _NOBODY))
    released = log.read_text(encoding="utf-8").split("\n")[:-1]
    store = Store.open(run)
    stored = [f"{n} {delta.board}" for n in range(1, rounds + 1) for delta in store.deltas(n)]
    lost = [entry for entry in set(released) if entry not in stored]
    head = store.head()[1].tobytes()
    store.close()
    return Kills(kills, rounds, len(set(released)), len(lost), len(stored) - len(set(stored)), head)


def undisturbed(folder: Path, rounds: int, codec: str = "float32") -> bytes:
    """Return the head of the same run when nobody kills it."""
    with boards(folder / "calm") as ports:
        config = _config(folder, ports, codec, rounds)
        asyncio.run(experiment.begin(config, folder / "undisturbed", _NOBODY))
    store = Store.open(folder / "undisturbed")
    head = store.head()[1].tobytes()
    store.close()
    return head


def _config(folder: Path, ports: list[str], codec: str, rounds: int = 60_000) -> RunConfig:
    return RunConfig(
        boards=tuple(ports), rounds=rounds, data=str(folder / "heaps.npz"), partition="iid", quorum=1.0,
        # A rate by rule would depend on the number of rounds, which the kills decide.
        seed=7, local_epochs=2, learning_rate=0.05, central=False, codec=codec,
    )  # fmt: skip


def begin_or_resume(config: RunConfig, run: Path) -> None:
    """Begin the run, or go on with it where there is one."""
    try:
        asyncio.run(experiment.begin(config, run, _NOBODY))
    except BytefedError as error:
        if error.code != "E_RUN_EXISTS":
            raise
        asyncio.run(experiment.resume(run, {}, _NOBODY))


def _rounds(run: Path) -> int:
    store = Store.open(run)
    try:
        return store.head()[0]
    finally:
        store.close()
