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

_HOST = CORE.parents[3] / "host"
_CAMPAIGN = Path(__file__).with_name("campaign.py")


@dataclass(frozen=True)
class Mutant:
    """A board (a file of the core) or host (a file of the package) that does one thing wrong.

    Attributes:
        name: What it does, or leaves out.
        path: File below firmware/lib/bytefed/src or host.
        changes: Each a text that stands in the file exactly once, and what stands there instead.
    """

    name: str
    path: str
    changes: tuple[tuple[str, str], ...]


def _board(name: str, file: str, old: str, new: str) -> Mutant:
    return Mutant(name, f"bytefed/{file}", ((old, new),))


def _host(name: str, file: str, *changes: tuple[str, str]) -> Mutant:
    return Mutant(name, f"bytefed/{file}", changes)


BOARDS = (
    _board("no CRC-16", "serial_frame.cpp", "crc16(frame(), frame_length_) == (crc[0] | crc[1] << 8)", "crc != nullptr"),
    _board("no CRC-32 of the head", "session.cpp", "if (crc32(incoming(), size) != begin_.head) {", "if (false) {"),
    _board("no transfer number, push", "session.cpp", " && header.transfer == push_transfer_) {", ") {"),
    _board("no transfer number, pull", "session.cpp", " && header.transfer == pull_transfer_) {", ") {"),
    _board("run ignored", "session.cpp", "if (hello.run != run_) {", "if (run_ == 0) {"),
    Mutant(
        "round and head ignored", "bytefed/session.cpp",
        (("begin.round == begin_.round &&", ""), ("begin.head == begin_.head &&", "")),
    ),
    _board("no HELLO asked for after a reset", "session.cpp", "if (link != link_) {", "link_ = link;\n  if (false) {"),
    _board(
        "delta forgotten once it is sent", "session.cpp",
        "  sender_.sent();", "  sender_.sent();\n  if (!sender_.pending()) forget_round();",
    ),
    _board(
        "same ADD twice", "session.cpp",
        "if (same(add, add_) && (add_done_ || under_way)) {", "if (under_way && same(add, add_)) {",
    ),
    _board("BEGIN always anew", "session.cpp", "if (is_current(begin)) return accept(sequence);", ""),
)

HOSTS = (
    _host(
        "acknowledge before commit", "device.py",
        ("counted = commit(reply)\n        if train:\n            await self._finish(work, Status.OK if counted else Status.LATE)",
         "if train:\n            await self._finish(work, Status.OK)\n        commit(reply)"),
    ),
    _host("no CRC-16", "frame.py", ("return frame if binascii.crc_hqx(frame, 0xFFFF) == int.from_bytes(crc, \"little\") else None", "return frame if crc else None")),
    _host("no CRC-32 of the delta", "device.py", ("or zlib.crc32(delta) != result.crc:", "or not delta:")),
    _host("no sequence number", "link.py", ("if incoming.kind == answer and incoming.sequence == sequence:", "if incoming.kind == answer:")),
    _host("no sequence number, RESULT", "device.py", ("if incoming.kind == Kind.RESULT and incoming.sequence == sequence:", "if incoming.kind == Kind.RESULT:")),
    _host("no transfer number, push", "blob_transfer.py", ("DataHeader.unpack(incoming.frame).transfer == sequence % 4", "True")),
    _host("no transfer number, pull", "blob_transfer.py", ("DataHeader.unpack(incoming.frame).transfer != sequence % 4", "False")),
    _host("no nonce", "device.py", ("if welcome.nonce != nonce:", "if False:"), ("self._rng = rng or random.Random()", "self._rng = random.Random(1)")),
    _host("act on every ACK", "blob_transfer.py", ("if news or polled:", "if True:")),
    _host("no primary key", "store.py", ("delta BLOB NOT NULL,\n    PRIMARY KEY (run, round, board));", "delta BLOB NOT NULL);")),
    _host("round left out of the key", "store.py", ("delta BLOB NOT NULL,\n    PRIMARY KEY (run, round, board));", "delta BLOB NOT NULL,\n    PRIMARY KEY (run, board));")),
    _host("a reset board keeps its samples", "device.py", ("self._samples_boot in (None, self._boot)", "self._samples_boot is not None")),
    _host("bytes that nobody wanted are not booked", "link.py", ("        self.accept(incoming, Role.JUNK)", "        pass")),
    _host("a lost POLL is the end", "blob_transfer.py", ("for attempt in range(TRIES):", "for attempt in range(1):")),
)  # fmt: skip


def survives(mutant: Mutant | None, work: Path, *, faults: int = 20_000) -> str | None:
    """Try a mutant, or the sources as they are.

    Args:
        mutant: What to break.
        work: A folder that may be emptied.
        faults: How many random faults it must live through.

    Returns:
        None if a violation was found, else what the campaign said.
    """
    is_board = mutant in BOARDS
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(CORE if is_board else _HOST, work, ignore=shutil.ignore_patterns("__pycache__", "core"))
    if mutant is not None:
        _apply(mutant, work)
    command = [sys.executable, str(_CAMPAIGN), "--faults", str(faults)]
    if is_board:
        build_shared_board(work, work / "board.so")
        command += ["--board", str(work / "board.so")]
    host = _HOST if is_board else work
    environment = {**os.environ, "PYTHONPATH": str(host), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode == 3 or done.returncode < 0:  # a violation, or a crash by a signal
        return None
    return f"status {done.returncode}: {done.stdout}{done.stderr}"


def _apply(mutant: Mutant, work: Path) -> None:
    file = work / mutant.path
    text = file.read_text(encoding="utf-8")
    for old, new in mutant.changes:
        if text.count(old) != 1:
            raise LookupError(f"mutant '{mutant.name}': {mutant.path} has {text.count(old)} times {old!r}")
        text = text.replace(old, new)
    file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    failures = 0
    for each in (*BOARDS, *HOSTS):
        if len(sys.argv) > 1 and sys.argv[1] not in each.name:
            continue
        said = survives(each, Path("build/mutants/one"))
        print("KILLED  " if said is None else "SURVIVES", "board" if each in BOARDS else "host ", each.name, said or "", flush=True)
        failures += said is not None
    sys.exit(failures)
