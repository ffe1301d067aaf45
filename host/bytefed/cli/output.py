"""The standard streams of a command: what becomes of it when they can't be written to, or not in every character."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast

from bytefed.errors import BytefedError, StoreError

_GONE = (errno.EPIPE, errno.ECONNRESET, errno.EIO)  # the last one of a terminal that was closed


class ReaderGone(Exception):  # noqa: N818 (nothing went wrong: `head` has read enough)
    """Whoever read what is printed has closed it; raised out of what prints, past all that handles errors."""


class _Stream:
    """A text stream that says by an error of bytefed's own when it can't be written to.

    An OSError would be taken for one of a port or of the run directory by what is under way.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.failed = False

    def write(self, text: str) -> int:
        """Write text, and return how many characters it has."""
        with self._told():
            return self._stream.write(text)

    def flush(self) -> None:
        """Hand over what is buffered."""
        with self._told():
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.failed = True
            if error.errno in _GONE:
                raise ReaderGone from None
            raise StoreError(
                "E_OUTPUT",
                f"The output can't be written ({error.strerror}): free some space, or send it elsewhere.",
            ) from error


@contextmanager
def standard_streams() -> Iterator[None]:
    """Make the standard streams fit to be printed to, for the time of a command.

    Characters that an encoding doesn't have are written as escapes; a stream that is closed takes all and keeps none.

    Raises:
        ReaderGone: Nobody reads any more what was printed.
        StoreError: E_OUTPUT if it can't be written.
    """
    before = sys.stdout, sys.stderr
    streams = [_writable(stream) for stream in before]
    out, err = (_Stream(stream) for stream in streams)
    sys.stdout, sys.stderr = cast(TextIO, out), cast(TextIO, err)
    try:
        yield
        if not out.failed:
            out.flush()
    finally:
        sys.stdout, sys.stderr = streams
        for stream in streams:
            _silence_if_stuck(stream)


def _writable(stream: TextIO | None) -> TextIO:
    if stream is None:  # closed by whoever started us
        return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 (open as long as the process)
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="backslashreplace")
    return stream


def _silence_if_stuck(stream: TextIO) -> None:
    """Let nothing be said at the interpreter's end about what could not be written."""
    try:
        stream.flush()
    except OSError:
        with suppress(OSError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


def report(error: BytefedError) -> None:
    """Print an error and what to do about it to standard error; where that is gone, the exit status says it."""
    lines = [f"error[{error.code}]: {error.message}", *([f"  -> {error.remedy}"] if error.remedy else [])]
    with suppress(OSError, ReaderGone, StoreError):
        if error.code == "E_OPEN_FILES":  # colours would open files
            sys.stderr.write("\n".join(lines) + "\n")
            return
        from rich.console import Console

        console = Console(emoji=False, stderr=True, highlight=False)
        for line, style in zip(lines, ("bold red", ""), strict=False):
            console.print(line, style=style, markup=False, soft_wrap=True)
