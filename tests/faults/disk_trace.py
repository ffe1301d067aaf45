"""Traces what a real coordinator does to its run directory, in order, and what it tells its boards in between.

The process itself does not report: a small library below it records each operation (disk_trace.cpp), and the bytes on
its boards' terminals are read as frames. Run as a program, this file is that process.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from killing import begin_or_resume, write_data

from bytefed.errors import BytefedError
from bytefed.federation.config import RunConfig
from bytefed.protocol.header import DataHeader
from bytefed.protocol.message import HEADER_SIZE, Board, Done, Kind, Next, Release, Result, RoundFlag, Welcome
from bytefed.protocol.serial_frame import SerialDecoder

D, C = 256, 10  # a delta of 10 KB has pages of its own
BOARDS = 4
_RECORD = struct.Struct("<c3xIqQ")
_LIBRARY = Path(__file__).with_suffix(".cpp")
E_FAILED = 4
"""Status of a run that ended with a coded error, which is then what it printed."""


def why_not() -> str | None:
    """Why there can be no trace here; None if there can."""
    if sys.platform != "linux":
        return "a library is put below the process by LD_PRELOAD, on Linux"
    return None if shutil.which("c++") else "needs a C++ compiler"


@dataclass(frozen=True)
class Operation:
    """One thing done to a file or folder, or said on a terminal.

    Attributes:
        kind: W write, T truncate, S sync, C create, D make a folder, U unlink, R rename, > say, < hear.
        path: Below the traced folder, "" for that itself; of a terminal, its name.
        offset: Start of a write in the file; the size after a truncation.
        data: The bytes that were written, sent or received; the new path of a rename.
    """

    kind: str
    path: str
    offset: int
    data: bytes


@dataclass
class Told:
    """The messages to and from the boards up to some operation.

    Attributes:
        sent: Delta as its board sent it, by (round, board).
        released: Whether the delta counts as the board was told when it was let forget it, by the same.
        begun: The last round that any board was asked to begin.
    """

    sent: dict[tuple[int, str], bytes] = field(default_factory=dict)
    released: dict[tuple[int, str], bool] = field(default_factory=dict)
    begun: int = 0


def build(folder: Path) -> Path:
    """Compile the library."""
    library = folder / "disk_trace.so"
    subprocess.run(
        ["c++", "-O1", "-shared", "-fPIC", "-Wall", "-Wextra", str(_LIBRARY), "-o", str(library), "-ldl"],
        check=True,
    )
    return library


@dataclass(frozen=True)
class Traced:
    """A run in ``folder/disk/runs/run``, its operations, and how it ended."""

    folder: Path
    status: int
    output: str

    @property
    def disk(self) -> Path:
        return self.folder / "disk"

    @property
    def run(self) -> Path:
        return self.disk / "runs" / "run"

    def operations(self) -> list[Operation]:
        """All of them, oldest first."""
        return list(_read(self.folder / "trace", str(self.disk)))


def trace(
    folder: Path, library: Path, rounds: int, *, fail: str = "", program: Sequence[str] = (sys.executable,),
    host: str = "",
) -> Traced:  # fmt: skip
    """Let a coordinator run, or go on with the run that is there, and write down what it does.

    Args:
        folder: Empty, or of an earlier trace.
        library: From ``build``.
        rounds: Number of rounds.
        fail: Which operations fail, as disk_trace.cpp has it; "" for none.
        program: The command that runs a Python file.
        host: Folder of another bytefed; "" for the one that is tested.
    """
    if not (folder / "heaps.npz").exists():
        write_data(folder / "heaps.npz", D, C)
    (folder / "disk").mkdir(exist_ok=True)
    environment = {
        **os.environ, "LD_PRELOAD": str(library), "TRACE_ROOT": str(folder / "disk"),
        "TRACE_FILE": str(folder / "trace"), "TRACE_FAIL": fail, "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    if host:
        environment["PYTHONPATH"] = host
    done = subprocess.run(
        [*program, __file__, str(folder), str(rounds)],
        env=environment, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    return Traced(folder, done.returncode, done.stdout + done.stderr)


def _read(path: Path, root: str) -> Iterator[Operation]:
    data = path.read_bytes()
    at = 0
    while at < len(data):
        kind, path_length, offset, length = _RECORD.unpack_from(data, at)
        at += _RECORD.size
        name = data[at : at + path_length].decode()
        at += path_length
        content = data[at : at + length]
        at += length
        if kind == b"R":
            content = content.decode().removeprefix(root).lstrip("/").encode()
        yield Operation(kind.decode(), name.removeprefix(root).lstrip("/"), offset, content)


class Conversation:
    """Reads one terminal's frames: which board is there, what delta it sent, and when it was told of its being safe."""

    def __init__(self) -> None:
        self._down, self._up = SerialDecoder(), SerialDecoder()
        self._board = ""
        self._round = 0
        self._chunks: dict[int, bytes] = {}

    def take(self, operation: Operation, told: Told) -> None:
        """Take what was said or heard, and note what it means."""
        if operation.kind == "<":
            for decoded in self._up.push(operation.data):
                self._hear(decoded.frame or bytes(2), told)
        else:
            for decoded in self._down.push(operation.data):
                self._say(decoded.frame or bytes(2), told)

    def _say(self, frame: bytes, told: Told) -> None:
        body, kind = frame[HEADER_SIZE:], frame[0]
        if kind & 0xF0 in (Kind.NEXT, Kind.BEGIN):
            asked, trains = Next.unpack(body), bool(kind & RoundFlag.TRAIN)  # BEGIN begins by the same fields
            if asked.round > self._round or not trains:
                self._release(told, counted=not kind & RoundFlag.UNCOUNTED)
            if trains:
                self._round = asked.round
                told.begun = max(told.begun, asked.round)
        elif kind == Kind.RELEASE and Release.unpack(body).round == self._round:
            self._release(told, counted=bool(Release.unpack(body).counted))

    def _release(self, told: Told, *, counted: bool) -> None:
        if self._chunks:
            told.released[self._round, self._board] = counted
            self._chunks.clear()

    def _hear(self, frame: bytes, told: Told) -> None:
        body = frame[HEADER_SIZE:]
        if frame[0] == Kind.WELCOME:
            self._board = f"{Board.unpack(body[Welcome.size() :]).uid:016x}"
        elif frame[0] in (Kind.DONE, Kind.RESULT):
            self._take(0, body[Done.size() if frame[0] == Kind.DONE else Result.size() :], told)
        elif frame[0] & 0x80 and len(body) > 4:  # a chunk of the delta: an ACK is shorter
            self._take(DataHeader.unpack(frame).index, body, told)

    def _take(self, index: int, data: bytes, told: Told) -> None:
        if data:
            self._chunks[index] = data
            told.sent[self._round, self._board] = b"".join(self._chunks[i] for i in sorted(self._chunks))


def told_after(operations: Sequence[Operation]) -> list[Told]:
    """Return the messages to the boards before each operation, and after the last one."""
    told = Told()
    conversations: dict[str, Conversation] = {}
    history = [told]
    for operation in operations:
        if operation.kind in "<>":
            told = Told(dict(told.sent), dict(told.released), told.begun)
            conversations.setdefault(operation.path, Conversation()).take(operation, told)
        history.append(told)
    return history


def configuration(folder: Path, rounds: int) -> RunConfig:
    """The run that is traced."""
    return RunConfig(
        boards=(f"virtual:{BOARDS}",), rounds=rounds, data=str(folder / "heaps.npz"), partition="iid",
        quorum=1.0, seed=7, local_epochs=1, central=False, open=True,  # so that what is said can be read
    )  # fmt: skip


def main() -> int:
    """Be the coordinator."""
    folder, rounds = Path(sys.argv[1]), int(sys.argv[2])
    try:
        begin_or_resume(configuration(folder, rounds), folder / "disk" / "runs" / "run")
    except BytefedError as error:
        sys.stdout.write(f"{error}\n")
        return E_FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
