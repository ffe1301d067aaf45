"""Hosts and boards that are broken on purpose, each by one exact replacement in a copy of the sources.

A replacement that no longer fits its source is an error, so the list can't rot unnoticed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from shared_board import CORE, build_shared_board

from bytefed import _core

_HOST = CORE.parents[3] / "host"
_CAMPAIGN = Path(__file__).with_name("campaign.py")
# An editable install finds its package before PYTHONPATH does, and would run the campaign on the host as it is.
_BOOT = (
    "import os, runpy, sys;"
    "sys.meta_path[:] = [finder for finder in sys.meta_path if 'ScikitBuild' not in type(finder).__name__];"
    "del sys.argv[0]; sys.path.insert(0, sys.argv[0].rpartition('/')[0]);"
    "import bytefed; assert bytefed.__file__.startswith(os.environ['PYTHONPATH']), bytefed.__file__;"
    "runpy.run_path(sys.argv[0], run_name='__main__')"
)


@dataclass(frozen=True)
class Mutant:
    """A board (a file of the core) or host (a file of the package) that does one thing wrong.

    Attributes:
        name: What it does, or leaves out.
        path: File below firmware/lib/bytefed/src or host.
        changes: Each a text that stands in the file exactly once, and what stands there instead.
        part: The part of the campaign that finds it out.
    """

    name: str
    path: str
    changes: tuple[tuple[str, str], ...]
    part: str = "singles"


_DEVICE = "bytefed/device.py"
_TRANSFERS, _ROUNDS = "bytefed/session_transfers.cpp", "bytefed/session_rounds.cpp"
_KEY = "delta BLOB NOT NULL,\n    PRIMARY KEY (run, round, board));"
_CONFIRM = "await self._finish(work, Status.OK if counted else Status.LATE)"

BOARDS = (
    Mutant(
        "no CRC-16",
        "bytefed/serial_frame.cpp",
        (("crc16(frame(), frame_length_) == (crc[0] | crc[1] << 8)", "crc != nullptr"),),
    ),
    Mutant(
        "no CRC-32 of the head",
        _ROUNDS,
        (("if (crc32(incoming(), size) != begin_.head) {", "if (false) {"),),
        "undetected",
    ),
    Mutant(
        "no transfer number, push",
        _TRANSFERS,
        ((" && header.transfer == push_transfer_) {", ") {"),),
        "echoes",
    ),
    Mutant(
        "run ignored",
        "bytefed/session.cpp",
        (("if (hello.run != run_ && ", "if (run_ == 0 && "),),
        "echoes",
    ),
    Mutant(
        "round and head ignored",
        _ROUNDS,
        (("begin.round == begin_.round &&", ""), ("begin.head == begin_.head &&", "")),
    ),
    Mutant(
        "a delta is forgotten once it is sent",
        _TRANSFERS,
        (("  sender_.sent();", "  sender_.sent();\n  if (!sender_.pending()) forget_round();"),),
    ),
)

HOSTS = (
    Mutant(
        "acknowledge before commit",
        _DEVICE,
        (
            ("        counted = commit(reply)\n", ""),
            (_CONFIRM, "await self._finish(work, Status.OK)\n        commit(reply)"),
        ),
    ),
    Mutant("no CRC-16", "bytefed/frame.py", (("if binascii.crc_hqx(frame, 0xFFFF) == int", "if 0 <= int"),)),
    Mutant(
        "no CRC-32 of the delta",
        _DEVICE,
        (("or zlib.crc32(delta) != result.crc:", "or not delta:"),),
        "undetected",
    ),
    Mutant(
        "no sequence number, RESULT",
        _DEVICE,
        (("Kind.RESULT and incoming.sequence == sequence:", "Kind.RESULT:"),),
        "echoes",
    ),
    Mutant(
        "no transfer number, push",
        "bytefed/blob_transfer.py",
        (("DataHeader.unpack(incoming.frame).transfer == sequence % 4", "True"),),
        "echoes",
    ),
    Mutant(
        "no transfer number, pull",
        "bytefed/blob_transfer.py",
        (("DataHeader.unpack(incoming.frame).transfer != sequence % 4", "False"),),
        "echoes",
    ),
    Mutant(
        "no nonce",
        _DEVICE,
        (("Welcome.unpack(body).nonce == nonce", "True"),),
        "old welcome",
    ),
    Mutant("act on every ACK", "bytefed/blob_transfer.py", (("if news or polls:", "if True:"),)),
    Mutant("no primary key", "bytefed/store.py", ((_KEY, "delta BLOB NOT NULL);"),), "random"),
    Mutant(
        "round left out of the key",
        "bytefed/store.py",
        ((_KEY, _KEY.replace("run, round, board", "run, board")),),
    ),
    Mutant(
        "a reset board is not given its samples again",
        _DEVICE,
        (("self._samples_boot in (None, self._boot)", "self._samples_boot is not None"),),
    ),
    Mutant(
        "bytes that nobody wanted are not booked",
        "bytefed/link.py",
        (("        self.accept(incoming, Role.JUNK)", "        pass"),),
    ),
)


def survives(mutant: Mutant, work: Path) -> str | None:
    """Try a mutant.

    Args:
        mutant: What to break.
        work: A folder that may be emptied.

    Returns:
        None if a violation was found, else what the campaign said.
    """
    is_board = mutant in BOARDS
    if is_board:
        _break(mutant, CORE, work)
        build_shared_board(work, work / "board.so")
        command = [sys.executable, str(_CAMPAIGN), "--part", mutant.part, "--board", str(work / "board.so")]
    else:
        command = [*broken_host(mutant, work), str(_CAMPAIGN), "--part", mutant.part]
    environment = {
        **os.environ,
        "PYTHONPATH": str(_HOST if is_board else work),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode == 3 or done.returncode < 0:  # a violation, or a crash by a signal
        return None
    return f"status {done.returncode}: {done.stdout}{done.stderr}"


def broken_host(mutant: Mutant, work: Path) -> list[str]:
    """Break a copy of the host in a folder that may be emptied; returns what runs a file on it, from PYTHONPATH."""
    _break(mutant, _HOST, work)
    shutil.copy(_core.__file__, work / "bytefed")
    return [sys.executable, "-c", _BOOT]


def _break(mutant: Mutant, sources: Path, work: Path) -> None:
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(sources, work, ignore=shutil.ignore_patterns("__pycache__", "core"))
    file = work / mutant.path
    text = file.read_text(encoding="utf-8")
    for old, new in mutant.changes:
        if text.count(old) != 1:
            raise LookupError(f"mutant '{mutant.name}': {mutant.path} has {text.count(old)} times {old!r}")
        text = text.replace(old, new)
    file.write_text(text, encoding="utf-8")
