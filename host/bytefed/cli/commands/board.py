"""`bytefed board`: virtual boards behind pseudo-terminals, and exact images on emulated chips behind sockets."""

from __future__ import annotations

import argparse
import errno
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bytefed._core import VirtualBoard
from bytefed.boards.virtual import (
    BoardKind,
    PtyBoard,
    board_uid,
    load_extractor,
    load_recording,
    make_board,
    serve_boards,
)
from bytefed.cli.terminal import OPEN_LINKS
from bytefed.data.task import MAX_CLASSES
from bytefed.errors import BytefedError, ConfigError, check_range, from_system, too_many_files
from bytefed.extractor.manifest import Manifest, model_folder
from bytefed.ledger.count import Security
from bytefed.waiting import interrupts, stopping_signals

_IN_PROCESS = "Use `bytefed run --boards loopback:N`: it runs the boards inside its own process."
_EPILOG = """\
examples:
  bytefed board --count 4                      four boards with the digits model; prints their ports
  bytefed board --shape 64x10                  a board that takes ready features, D=64, C=10
  bytefed board --count 2 --line-rate 115200   as slow as a UART at 115,200 baud
  bytefed board --model motion --replay motion with recorded motions for a sensor: try `bytefed capture`
  bytefed board --model keywords --replay my-words/
                                               with a microphone that hears the WAV files of a folder
  bytefed board --image feather_nrf52840       the image that `pio run -e feather_nrf52840` has built, on an
                                               emulated nRF52840 (needs `make emulator`); prints a socket

Each port speaks what a real board speaks; pair and drive them from another terminal:
  bytefed pair /dev/pts/3
  bytefed run --boards serial:/dev/pts/3
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "board",
        description="Start virtual boards: the firmware's own core, each behind a pseudo-terminal. With --image, "
        "start boards with the very image that would be flashed, on emulated chips. Ctrl-C stops them.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--count", type=int, default=1, metavar="N", help="how many boards (default 1)")
    parser.add_argument(
        "--model", help="extractor: a model's name or folder (default digits; none with --shape)"
    )
    parser.add_argument(
        "--shape", metavar="DxC", help="features and classes of the head (default: the model's)"
    )
    parser.add_argument(
        "--capacity", type=int, default=500, metavar="N", help="samples a store takes (default 500)"
    )
    parser.add_argument(
        "--replay",
        metavar="DATA",
        help="a sensor that replays the windows of a task or of your own model, X (and y) of an .npz file, or the WAV "
        "files of a folder for a model of sound",
    )
    parser.add_argument(
        "--labels",
        type=int,
        default=0,
        metavar="N",
        help="labels that there is room for (default: 8 with a model for a sensor, else as many as the head has)",
    )
    parser.add_argument("--line-rate", type=int, metavar="BAUD", help="pace the line, bits a second")
    parser.add_argument(
        "--uid-seed", type=int, default=0, metavar="S", help="another seed, other uids (default 0)"
    )
    parser.add_argument(
        "--uid-first", type=int, default=0, metavar="N", help="number of the first (default 0)"
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object a board, then serve silently"
    )
    # A line of 64 hexadecimal digits for each board on standard input, from the process that starts it.
    parser.add_argument("--keys", action="store_true", help=argparse.SUPPRESS)
    _add_emulation(parser)
    # A coordinator that is killed leaves its boards without a parent: then they stop, too.
    parser.add_argument("--parent", type=int, metavar="PID", help=argparse.SUPPRESS)
    parser.set_defaults(run=run)


def _add_emulation(parser: argparse.ArgumentParser) -> None:
    """Add the options of `--image`."""
    group = parser.add_argument_group("exact images on emulated chips")
    group.add_argument(
        "--image",
        metavar="ENV|FILE",
        help="environment of platformio.ini whose build is run, or the path of an ELF or hex",
    )
    group.add_argument(
        "--bootloader",
        type=Path,
        metavar="HEX",
        help="the board's bootloader with its SoftDevice (default: $BYTEFED_BOOTLOADER, or PlatformIO's)",
    )
    group.add_argument(
        "--sensor",
        metavar="NAME[:CSV]",
        help="sensor on the board's bus, and a recording of what it feels (default: the make's, lying still)",
    )
    group.add_argument(
        "--state",
        type=Path,
        metavar="DIR",
        help="keep each board's flash there (default: all boards are new)",
    )


def board_kind(model: str | None, shape: str | None, capacity: int, replay: str | None = None) -> BoardKind:
    """Return the kind of board that the options ask for.

    Raises:
        ConfigError: E_CONFIG_SHAPE for a shape that is none.
        ModelError: There is no such model.
    """
    if shape is None:
        manifest = Manifest.load(model_folder(model or "digits"))
        return BoardKind(manifest.D, manifest.C, model or "digits", capacity, replay=replay)
    features, times, classes = shape.partition("x")
    if not (times and features.isdigit() and classes.isdigit()):
        raise ConfigError("E_CONFIG_SHAPE", f"--shape {shape} is no shape.", "Say DxC, such as 64x10.")
    return BoardKind(int(features), int(classes), model, capacity, replay=replay)


def run(args: argparse.Namespace) -> int:
    """Serve the boards until a signal says stop; 1 where they can't be started, said in JSON if that was asked for."""
    with ExitStack() as boards_closed:
        try:
            if args.image is not None:
                _serve_images(args)
            else:
                _serve(args, boards_closed)
        except (BytefedError, OSError) as failure:
            boards_closed.close()  # to say what is wrong may take files that they hold
            error = from_system(failure) if isinstance(failure, OSError) else failure
            if not args.json:
                raise error from failure
            _print_json({"code": error.code, "message": error.message, "remedy": error.remedy})
            return 1
    return 0


def _serve_images(args: argparse.Namespace) -> None:
    for option in ("model", "shape", "replay", "line_rate"):
        if getattr(args, option) is not None:
            name = "--" + option.replace("_", "-")
            raise ConfigError(
                "E_CONFIG_OPTION",
                f"{name} does not go with --image, which brings its own.",
                f"Leave {name} out.",
            )
    check_range("--count", args.count, 1, 1024)
    from bytefed.cli.emulated import serve

    with _stop_sign(args.parent) as stopped:
        serve(args, stopped)


def _serve(args: argparse.Namespace, closing: ExitStack) -> None:
    """Start the boards, say where they are, and serve them until they are to stop, or their parent is gone.

    Args:
        args: The options.
        closing: Takes what closes each board.
    """
    _check(args)
    kind = board_kind(args.model, args.shape, args.capacity, args.replay)
    if args.labels:
        check_range("--labels", args.labels, kind.classes, MAX_CLASSES)
        kind = replace(kind, labels=args.labels)
    extractor = load_extractor(kind)
    recording = load_recording(kind, extractor)
    numbers = range(args.uid_first, args.uid_first + args.count)
    uids = [board_uid(args.uid_seed, index) for index in numbers]
    keys = [bytes.fromhex(sys.stdin.readline()) if args.keys else None for _ in uids]
    boards = []
    for uid, key in zip(uids, keys, strict=True):
        boards.append(_on_terminal(make_board(kind, uid, extractor, recording, key), args.line_rate))
        closing.callback(boards[-1].close)
    with _stop_sign(args.parent) as stopped:  # before anybody hears of the boards
        _announce(boards, uids, kind, args)
        serve_boards(boards, stopped)


def _check(args: argparse.Namespace) -> None:
    if os.name != "posix":
        raise ConfigError("E_CONFIG_PTY", "There are no pseudo-terminals on this system.", _IN_PROCESS)
    check_range("--count", args.count, 1, 1024)
    check_range("--capacity", args.capacity, 1, 65535)
    if args.line_rate is not None:
        check_range("--line-rate", args.line_rate, 300, 100_000_000)


def _on_terminal(board: VirtualBoard, line_rate: int | None) -> PtyBoard:
    try:
        return PtyBoard(board, line_rate)
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            raise too_many_files("A virtual board's pseudo-terminal") from error
        raise ConfigError(
            "E_CONFIG_PTY", f"There are no (more) pseudo-terminals here ({error.strerror}).", _IN_PROCESS
        ) from error


def _announce(boards: list[PtyBoard], uids: list[int], kind: BoardKind, args: argparse.Namespace) -> None:
    if args.json:
        security: Security = "sealed" if args.keys else "OPEN"
        for board, uid in zip(boards, uids, strict=True):
            _print_json({"port": board.port, "uid": f"{uid:016x}", "security": security})
        return
    table = Table("port", "uid", "head", "model")
    for board, uid in zip(boards, uids, strict=True):
        table.add_row(
            board.port, f"{uid:016x}", f"{kind.features}x{kind.classes}", kind.model or "ready features"
        )
    console = Console(emoji=False)
    console.print(table)
    if not args.keys:
        console.print(f"OPEN until they are paired (`bytefed pair PORT`): {OPEN_LINKS}.")
    console.print("Serving; Ctrl-C stops.")


def _print_json(document: dict[str, str]) -> None:
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


@contextmanager
def _stop_sign(parent: int | None) -> Iterator[Callable[[], bool]]:
    """Give a function that says whether to stop: because of a signal, or because the named parent is gone."""
    asked: list[bool] = []
    with interrupts(lambda: asked.append(True), numbers=stopping_signals()):
        yield lambda: bool(asked) or parent not in (None, os.getppid())
