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

from exact_change import replaced
from shared_board import CORE, build_shared_board

from bytefed import _core

HOST = CORE.parents[3] / "host"
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
        name: The thing that it does wrong, or leaves out.
        path: File below firmware/lib/bytefed/src or host.
        changes: Pairs of a text that stands in the file exactly once, and the text that replaces it.
        part: The part of the campaign that finds it out.
        flash: Whether a host is tried with boards that have flash, which run a core built apart.
        elsewhere: Further changes, each in a file of its own: path, text and what stands there instead.
    """

    name: str
    path: str
    changes: tuple[tuple[str, str], ...]
    part: str = "singles"
    flash: bool = False
    elsewhere: tuple[tuple[str, str, str], ...] = ()

    def files(self, sources: Path) -> dict[str, str]:
        """Return its files, below those sources, as they are broken; raises LookupError where one has changed."""
        others = {path: ((old, new),) for path, old, new in self.elsewhere}
        return {
            path: replaced(sources / path, changes)
            for path, changes in {self.path: self.changes, **others}.items()
        }


_DEVICE, _HOST_SESSION, _HOST_SAMPLES, _ROUND, _FRAMES, _TRANSFER = (
    f"bytefed/device/{name}.py" for name in ("device", "session", "samples", "round", "frames", "blob")
)
_SCHEMA, _DELTAS = "bytefed/runs/schema.py", "bytefed/runs/deltas.py"
_SESSION, _ROUNDS, _SAMPLES, _CORE_ROUND, _INTAKE = (
    f"bytefed/session/{name}.cpp"
    for name in ("session", "session_rounds", "session_samples", "round", "intake")
)
_KEY = "delta BLOB NOT NULL,\n    PRIMARY KEY (run, round, board));"
_NO_KEY = "delta BLOB NOT NULL);"
_INSERT = 'db.execute(\n                "INSERT OR IGNORE INTO deltas'
_FORGETFUL = "key in vars(self).setdefault('known', set()) or self.known.add(key) or "
_TRAINED = "        return work.reply()"
_RELEASED = "        if self._owed:\n            await self.release(counted=True)\n"
_ANSWERS = "return self.kind == kind and self.sequence == sequence"
_LAX = "return self.kind == kind and (self.sequence == sequence or "
_BELIEVE = """def believe(wire):
    \"""Undo COBS and take whatever stands in front of the CRC.\"""
    frame, at = b"", 0
    while at < len(wire) and wire[at]:
        frame += wire[at + 1 : at + wire[at]] + b"\\0"
        at += wire[at]
    return frame[:-3] if len(frame) > 4 else None


class Decoded"""

BOARDS = (
    Mutant(
        "no CRC-16",
        "bytefed/protocol/serial_frame.cpp",
        (("crc16(frame(), bare_length_ - 2) == (crc[0] | crc[1] << 8)", "crc != nullptr"),),
        "damage",
    ),
    Mutant(
        "no CRC-32 of the head",
        _CORE_ROUND,
        (("if (!proved || crc32(memory_.local, size) != request_.head) {", "if (!proved) {"),),
        "undetected",
    ),
    Mutant(
        "no CRC-32 of the samples",
        _INTAKE,
        (("if (!proved || crc32(records(), transfer_size(add_)) != add_.crc) {", "if (!proved) {"),),
        "undetected",
    ),
    Mutant(
        "no transfer number, push",
        _ROUNDS,
        ((" && header.transfer == push_transfer_) {", ") {"),),
        "echoes",
    ),
    Mutant(
        "a run takes effect at HELLO",
        _SESSION,
        (("  asked_run_ = run;\n", "  asked_run_ = run;\n  enter_run();\n"),),
        "strangers",
    ),
    Mutant(
        "RELEASE of round 0 ignored",
        _ROUNDS,
        (("  if (release.round == 0) {", "  if (false) {"),),
        "strangers",
    ),
    Mutant(
        "RELEASE of any round",
        _ROUNDS,
        (("holds_delta() && release.round == round_.number()", "holds_delta()"),),
        "echoes",
    ),
    Mutant(
        "RELEASE counts in any case",
        _ROUNDS,
        (("round_.release(release.counted != 0)", "round_.release(true)"),),
        "left out",
    ),
    Mutant(
        "every delta counts",
        _CORE_ROUND,
        (("!again && (request.flags & RoundFlag::kUncounted) == 0", "!again"),),
        "left out",
    ),
    Mutant(
        "a CONFIG inside is passed over",
        _ROUNDS,
        (
            (
                "  *used += Config::kSize;\n  return round_.configure(config);",
                "  *used += Config::kSize;\n  return Status::kOk;",
            ),
        ),
        "inside",
    ),
    Mutant(
        "a new session is told of the last one's round",
        _SESSION,
        (("  asked_ = false;\n  asked_run_", "  asked_run_"),),
        "twins",
    ),
    Mutant(
        "a delta is forgotten once DONE is sent",
        _SESSION,
        (
            (
                "  return outbox_.send_due(push_sequence_, result, whole, round_.delta());",
                "  const bool ready = asked_ && round_.state() == State::kReady && outbox_.pull_chunks() == 0;\n"
                "  const bool done = outbox_.send_due(push_sequence_, result, whole, round_.delta());\n"
                "  if (ready && done) abandon();\n"
                "  return done;",
            ),
        ),
        "inside",
    ),
    Mutant("poll bit ignored", _ROUNDS, (("if (header.poll) outbox_.", "outbox_."),)),
    Mutant(
        "POLL of any sequence number",
        _SESSION,
        ((" || sequence != push_sequence_", ""),),
        "echoes",
    ),
    Mutant(
        "no HELLO needed",
        _SESSION,
        (
            (
                "if (link != outbox_.link()) return refuse(link, sequence, Status::kNoSession);",
                "if (link != outbox_.link()) outbox_.open(link, outbox_.frame_limit());",
            ),
        ),
        "resets",
    ),
    Mutant(
        "the same boot id again",
        _SESSION,
        (("identity_.boot,   anew", "uint16_t{1}, anew"),),
        "resets",
    ),
    Mutant(
        "run ignored",
        "bytefed/session/session.h",
        (
            (
                "run != kVisit && run != round_.run()",
                "run != kVisit && round_.run() == 0",
            ),
        ),
        "echoes",
    ),
    Mutant(
        "key without round",
        _CORE_ROUND,
        (("request.round == request_.round && request.head", "request.head"),),
        "heads",
    ),
    Mutant("key without head", _CORE_ROUND, ((" && request.head == request_.head", ""),), "heads"),
    Mutant(
        "key without flags", _CORE_ROUND, ((" &&\n         request.flags == request_.flags", ""),), "heads"
    ),
    Mutant(
        "BEGIN begins anew",
        _ROUNDS,
        (("&& round_.is_current(request)) {", "&& false) {"),),
        "echoes",
    ),
    Mutant(
        "NEXT begins anew",
        _ROUNDS,
        (("round_.is_current(request) && round_.state() != State::kReceiving", "false"),),
        "echoes",
    ),
    Mutant(
        "ADD begins anew",
        _SAMPLES,
        (
            (
                "if (intake_.is_same(add) && (intake_.add_done() || under_way)) {",
                "if (under_way && false) {",
            ),
        ),
        "echoes",
    ),
    Mutant(
        "ADD wherever the split ends",
        _INTAKE,
        (("add.first != (anew ? 0u : store_.count(split))", "add.first > store_.capacity()"),),
        "samples twice",
    ),
    Mutant(
        "no estimate of the wait",
        _CORE_ROUND,
        (("|| sample_time_ == 0) return 0;", "|| sample_time_ != 0) return 0;"),),
        "echoes",
    ),
    Mutant(
        "a delta is forgotten once it is sent",
        _SESSION,
        (
            (
                "  bool waiting = false;",
                "  if (outbox_.pull_chunks() != 0) abandon();\n  bool waiting = false;",
            ),
        ),
    ),
    Mutant(
        "personal heads not told apart",
        _CORE_ROUND,
        (
            (
                "    if (!noisy_ && !personal_) result_.correct = trainer_.correct();",
                "    if (!noisy_) result_.correct = trainer_.correct();",
            ),
        ),
        "personal",
    ),
    Mutant(
        "the received head for the personal one",
        _CORE_ROUND,
        (
            (
                "evaluate_one(memory_.local, &result_.correct)",
                "evaluate_one(memory_.global, &result_.correct)",
            ),
        ),
        "personal",
    ),
    Mutant(
        "no personal head without a delta",
        _CORE_ROUND,
        (
            (
                "  personal_ = wants_statistics() && configured_",
                "  personal_ = trains() && wants_statistics() && configured_",
            ),
        ),
        "personal",
    ),
)

HOSTS = (
    Mutant(
        "release before commit",
        _DEVICE,
        ((_TRAINED, _RELEASED + _TRAINED),),
    ),
    Mutant(
        "no CRC-16",
        "bytefed/protocol/serial_frame.py",
        (
            ("Decoded(frame, wire, bare)", "Decoded(frame or believe(data), wire, bare)"),
            ("class Decoded", _BELIEVE),
        ),
        "damage",
    ),
    Mutant(
        "no CRC-32 of the delta",
        "bytefed/device/done.py",
        (("zlib.crc32(delta) == self.message.crc", "bool(delta)"),),
        "undetected",
    ),
    Mutant(
        "NOT_RECEIVED is an error like any other",
        _ROUND,
        (("again is not None and _not_received(incoming, sequence)", "False"),),
        "inside",
    ),
    Mutant(
        "a stranger's round stands",
        _ROUND,
        (('error.code == "E_BOARD_STALE_ROUND"', "False"),),
        "strangers",
    ),
    Mutant(
        "no word of a delta that did not count",
        _DEVICE,
        ((" | RoundFlag.UNCOUNTED * uncounted", ""),),
        "left out",
    ),
    Mutant("no sequence number of answers", _FRAMES, ((_ANSWERS, "return self.kind == kind"),), "echoes"),
    Mutant(
        "no sequence number of DONE",
        _FRAMES,
        ((_ANSWERS, _LAX + "kind in (Kind.DONE, Kind.RESULT))"),),
        "echoes",
    ),
    Mutant(
        "no sequence number of ERROR",
        _FRAMES,
        ((_ANSWERS, _LAX + "kind is Kind.ERROR)"),),
        "echoes",
    ),
    Mutant(
        "no sequence number but of DONE and ERROR",
        _FRAMES,
        (
            (
                _ANSWERS,
                _LAX + "kind not in (Kind.DONE, Kind.RESULT, Kind.ERROR))",
            ),
        ),
        "old and lost",
    ),
    Mutant(
        "no transfer number, push",
        _TRANSFER,
        (("DataHeader.unpack(incoming.frame).transfer == sequence % 4", "True"),),
        "echoes",
    ),
    Mutant(
        "no transfer number, pull",
        _TRANSFER,
        ((" or header.transfer != sequence % 4", ""),),
        "echoes",
    ),
    Mutant(
        "no nonce",
        "bytefed/device/opening.py",
        (("Welcome.unpack(body).nonce == nonce", "True"),),
        "old welcome",
    ),
    Mutant("act on every ACK", _TRANSFER, (("if news or polls:", "if True:"),), "duplicates"),
    Mutant("no primary key", _SCHEMA, ((_KEY, _NO_KEY),), "late kills"),
    Mutant(
        "round left out of the key",
        _SCHEMA,
        ((_KEY, _KEY.replace("run, round, board", "run, board")),),
    ),
    Mutant(
        "what is stored is known to one process alone",
        _DELTAS,
        ((_INSERT, _FORGETFUL + _INSERT),),
        "late kills",
        elsewhere=((_SCHEMA, _KEY, _NO_KEY),),
    ),
    Mutant(
        "boot id ignored",
        _HOST_SESSION,
        (("self.boot = welcome.boot", "self.boot = 1"),),
        "resets",
        flash=True,
    ),
    Mutant(
        "a reset board is not given its samples again",
        _HOST_SAMPLES,
        (("self._boot in (None, self._session.boot)", "self._boot is not None"),),
        "resets",
        flash=True,
    ),
    Mutant(
        "bytes that nobody wanted are not booked",
        _FRAMES,
        (("        self.accept(incoming, Role.JUNK)", "        pass"),),
    ),
    Mutant(
        "no word of personal heads",
        "bytefed/device/plan.py",
        ((" | PERSONAL * self.personal", ""),),
        "personal",
    ),
    Mutant(
        "what is said again is news",
        "bytefed/ledger/account.py",
        (("news = 0 in said[start:stop]", "news = True"),),
    ),
)


def survives(mutant: Mutant, work: Path) -> str | None:
    """Try a mutant.

    Args:
        mutant: The mutant to make.
        work: A folder that may be emptied.

    Returns:
        None if a violation was found, else what the campaign said.
    """
    is_board = mutant in BOARDS
    if is_board:
        _break(mutant, CORE, work)
        build_shared_board(work, work / "board.so")
        command = [sys.executable]
    else:
        command = broken_host(mutant, work)
        if mutant.flash:
            build_shared_board(CORE, work / "board.so")
    command += [str(_CAMPAIGN), "--part", mutant.part]
    if is_board or mutant.flash:
        command += ["--board", str(work / "board.so")]
    environment = {
        **os.environ,
        "PYTHONPATH": str(HOST if is_board else work),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode == 3 or done.returncode < 0:  # a violation, or a crash by a signal
        return None
    return f"status {done.returncode}: {done.stdout}{done.stderr}"


def broken_host(mutant: Mutant, work: Path) -> list[str]:
    """Break a copy of the host in a folder that may be emptied; returns what runs a file on it, from PYTHONPATH."""
    _break(mutant, HOST, work)
    shutil.copy(_core.__file__, work / "bytefed")
    return [sys.executable, "-c", _BOOT]


def _break(mutant: Mutant, sources: Path, work: Path) -> None:
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(sources, work, ignore=shutil.ignore_patterns("__pycache__", "core"))
    for path, text in mutant.files(sources).items():
        (work / path).write_text(text, encoding="utf-8")
