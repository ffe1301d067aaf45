"""Diagnostics that every command offers: log messages, a log file, and a trace of every frame."""

from __future__ import annotations

import argparse
import json
import logging
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bytefed.errors import StoreError
from bytefed.private_files import make_file

_LOG = logging.getLogger("bytefed")
_FRAMES = logging.getLogger("bytefed.frames")
_LINE = "%(asctime)s.%(msecs)03d %(levelname)s %(name)s: %(message)s"
_TIME = "%Y-%m-%dT%H:%M:%S"
_MOST_SHOWN = 300  # characters of a line on the terminal; the file has all of them


def add_diagnostics(parser: argparse.ArgumentParser) -> None:
    """Give a command the options."""
    group = parser.add_argument_group("diagnostics")
    group.add_argument(
        "-v",
        "--verbose",
        action="count",
        default=0,
        help="log what happens to standard error; -vv: in detail",
    )
    group.add_argument("--log-file", type=Path, metavar="FILE", help="append the log, in detail, to a file")
    group.add_argument(
        "--trace",
        type=Path,
        metavar="FILE",
        help="write every frame as a line of JSON: time, board, direction, bytes by the ledger's causes; into a file"
        " that ends with .pcapng as packets for Wireshark",
    )


@contextmanager
def diagnosed(args: argparse.Namespace, words: list[str]) -> Iterator[None]:
    """Log as the options say, for the time of a command.

    Args:
        args: Values of the options that ``add_diagnostics`` added; nothing is done without these.
        words: The command line.

    Raises:
        StoreError: E_OUTPUT for a file that can't be written to.
    """
    handlers = [*_handlers(args)]
    root, before = logging.getLogger(), logging.getLogger().level
    frames = _FRAMES.level, _FRAMES.propagate
    for _, handler in handlers:
        handler.setFormatter(handler.formatter or logging.Formatter(_LINE, _TIME))
    try:
        for logger, handler in handlers:
            logger.addHandler(handler)
        _FRAMES.propagate = False
        _FRAMES.setLevel(logging.DEBUG if getattr(args, "trace", None) else logging.CRITICAL)
        if levels := [handler.level for logger, handler in handlers if logger is root]:
            root.setLevel(min(levels))
            _LOG.info("bytefed %s", shlex.join(words))
        yield
    finally:
        root.setLevel(before)
        _FRAMES.level, _FRAMES.propagate = frames
        for logger, handler in handlers:
            logger.removeHandler(handler)
            handler.close()


def _handlers(args: argparse.Namespace) -> Iterator[tuple[logging.Logger, logging.Handler]]:
    root = logging.getLogger()
    if verbose := getattr(args, "verbose", 0):
        shown = logging.StreamHandler(sys.stderr)
        shown.setFormatter(_Short(_LINE, _TIME))
        shown.setLevel(logging.INFO if verbose == 1 else logging.DEBUG)
        yield root, shown
    if getattr(args, "log_file", None):
        kept = _file(args.log_file, "a")
        kept.setLevel(logging.DEBUG)
        yield root, kept
    if getattr(args, "trace", None):
        yield _FRAMES, _trace(args.trace)


def _trace(path: Path) -> logging.Handler:
    with _writable(path):
        if path.suffix == ".pcapng":
            from bytefed.cli.pcapng import PacketFile

            return PacketFile(path)
    traced = _file(path, "w")
    traced.setFormatter(_Frame())
    return traced


def _file(path: Path, mode: str) -> logging.Handler:
    with _writable(path):
        return logging.FileHandler(make_file(path), mode, encoding="utf-8")


@contextmanager
def _writable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            "E_OUTPUT", f"{path} can't be written to ({error.strerror}).", "Name another file."
        ) from error


class _Short(logging.Formatter):
    """A line that a terminal can show: what is too long is cut, and says so."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (the base class's name)
        """Return the line, without what an error would add to it."""
        line = super().formatMessage(record)
        return line if len(line) <= _MOST_SHOWN else f"{line[: _MOST_SHOWN - 3]}..."


class _Frame(logging.Formatter):
    """A frame as a line of JSON; the time is in seconds since 1970, as in packet captures."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return json.dumps({"time": round(record.created, 6), **record.__dict__["frame"]})
