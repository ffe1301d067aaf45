"""`bytefed record`: the signal of a board's sensor itself, into files that extractors are made from."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import Progress, TaskID

from bytefed.cli.replaying import add_replaying, replaying
from bytefed.cli.telling import add_json, write_json
from bytefed.errors import ConfigError, check_range, counted

if TYPE_CHECKING:
    from bytefed.cli.use_rows import Used
    from bytefed.data.recorded import Recordings
    from bytefed.device.recording import Signal
    from bytefed.ledger.count import ByteCount
    from bytefed.ledger.rows import Traffic

_FEWEST = 3  # recordings of which a fifth, rounded, is one
_EPILOG = """\
examples:
  bytefed record --label walk --seconds 20 --out my-motions/                     the board on USB
  bytefed record --label run --seconds 20 --out my-motions/ --board ble:NAME     sealed, over the air
  bytefed run --data my-motions/ --window 50 --hop 25                            what they are for

This is the one command by which raw readings leave a board, and a board obeys it over a cable or sealed alone. The
folder gets a subfolder for each label, a CSV file for each stretch without a gap, and the board's extractor.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "record",
        description="Write the signal of a board's sensor into a folder for --data. Ctrl-C stops; what is there stays.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--label", required=True, help="what is recorded, and the name of the subfolder")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="folder of all recordings")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long (default 20)")
    parser.add_argument(
        "--board", "--boards", default="serial:auto", metavar="URI", help="one board (default serial:auto)"
    )
    parser.add_argument(
        "--log",
        type=Path,
        metavar="DIR",
        help="add every byte by its cause, beside the estimate, to DIR/use.csv",
    )
    parser.add_argument("--open", action="store_true", help="a board without a key, by cable")
    add_replaying(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Record, with a progress bar."""
    check_range("--seconds", args.seconds, 0.01, 3600)
    return asyncio.run(_run(args))


async def _run(args: argparse.Namespace) -> int:
    from bytefed.boards.open import open_devices
    from bytefed.cli.use_rows import Meter
    from bytefed.data.recorded import Recordings, put_model
    from bytefed.device.recording import Signal
    from bytefed.extractor.manifest import model_folder
    from bytefed.protocol.message import VISIT
    from bytefed.runs.use_log import UseLog

    async with open_devices([args.board], replaying(args)) as devices:
        if len(devices) != 1:
            raise ConfigError(
                "E_CONFIG_BOARDS",
                f"{args.board} names {counted(len(devices), 'board')}.",
                "Name one with --board.",
            )
        device = devices[0]
        log = None if args.log is None else UseLog(args.log)
        meter = Meter(device)
        await device.connect(VISIT)
        signal = Signal(device)
        name, held = signal.model
        axes = [str(axis) for axis in held.document.get("axes", [])]
        with Recordings(args.out, args.label, device.name, axes) as recordings:
            put_model(args.out, model_folder(name) / f"{held.name}.tflite")
            opening, ended = meter.take(), False
            try:
                await _record(signal, recordings, args.seconds)
                ended = True
            finally:
                used = meter.take()
                if log is not None:
                    log.add(_rows(signal, opening, used, ended=ended))
                _tell(args, signal, recordings, used.count)
    return 0


def _rows(signal: Signal, opening: Used, used: Used, *, ended: bool) -> list[Traffic]:
    """Return the rows of use.csv: connecting, and the recording."""
    from bytefed.cli.use_rows import use_row
    from bytefed.ledger.plan import planned_connection

    device = signal.device
    connected = planned_connection(device.profile, first_contact=device.introduced)
    return [
        use_row(device, "connect", opening, connected),
        use_row(device, "record", used, signal.estimate(), "ok" if ended else "failed"),
    ]


async def _record(signal: Signal, recordings: Recordings, seconds: float) -> None:
    """Record until there are so many seconds of readings, a window at least."""
    rate = await signal.rate()
    total = max(signal.length, round(seconds * rate))
    with Progress(console=Console(emoji=False, stderr=True)) as progress:
        task: TaskID = progress.add_task("records", total=total)
        done = 0
        async for piece in signal:
            recordings.add(piece.readings, joins=piece.joins)
            done += len(piece.readings)
            progress.update(task, completed=min(done, total))
            if done >= total:
                return


def _tell(args: argparse.Namespace, signal: Signal, recordings: Recordings, used: ByteCount) -> None:
    """Say what was recorded, and what it took."""
    console = Console(emoji=False, highlight=False)
    windows = signal.wholes + signal.halves
    if not windows:
        return
    if args.json:
        write_json(_document(args.label, signal, recordings, used))
        return
    gaps = f", {counted(signal.lost, 'window')} lost: each gap begins a file" if signal.lost else ", no gap"
    expected = signal.estimate().wire_total
    exact = "= estimate" if used.wire_total == expected else f"estimate {expected:,} B"
    raw = f"{used.payload_up:,} B of raw windows"
    lines = [f"{path}: {counted(readings, 'reading')}" for path, readings in recordings.files.items()]
    lines.append(
        f"{counted(windows, 'window')} of {args.label}{gaps}; {used.wire_total:,} B, {exact}, with {raw}"
    )
    lines.append(f"Next: {_next(args.out, signal)}")
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)


def _document(label: str, signal: Signal, recordings: Recordings, used: ByteCount) -> dict[str, Any]:
    return {
        "board": signal.device.name,
        "uri": signal.device.uri,
        "label": label,
        "windows": signal.wholes + signal.halves,
        "windows_lost": signal.lost,
        "files": {str(path): readings for path, readings in recordings.files.items()},
        "wire_total": used.wire_total,
        "estimate_wire": signal.estimate().wire_total,
        "raw": used.payload_up,
    }


def _next(folder: Path, signal: Signal) -> str:
    """Return what to do next: whole recordings are kept for the test, so there must be some of two labels."""
    files = list(folder.glob("*/*.csv"))
    if len(files) < _FEWEST or len({path.parent for path in files}) < 2:
        return (
            "record other labels, and each several times: the test of what was learnt takes whole recordings"
        )
    return f"bytefed run --data {folder} --window {signal.length} --hop {signal.hop}"
