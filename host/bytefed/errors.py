"""Every error that bytefed raises on purpose, in one tree.

BytefedError
├── ConfigError      an option or a combination of options that cannot work
├── DataError        samples, labels or a data file that cannot be used
├── ModelError       a .tflite file or manifest that cannot be used
├── LinkError        a port that cannot be opened, or a link that died
├── ProtocolError    bytes that do not follow SPEC.md, or a version that does not match
├── BoardError       a board that answered, but not what the run needs
└── StoreError       a run directory or a file of keys that cannot be read or written

Each carries a code that scripts may rely on, and a remedy that tells the reader what to do now.
"""

from __future__ import annotations

import difflib
import errno

TYPE_CHECKING = False  # `typing` takes time to load, and this is loaded first
if TYPE_CHECKING:
    from collections.abc import Iterable

_ALIKE = 0.65  # from which a word may be the one that was meant


class BytefedError(Exception):
    """Base of all errors raised on purpose.

    Attributes:
        code: Stable name for scripts, such as ``E_DATA_SHAPE``.
        message: One sentence that says what is wrong and names the file, board or option.
        remedy: Advice on what to do about it; empty where nothing can be done.
    """

    def __init__(self, code: str, message: str, remedy: str = "") -> None:
        super().__init__(code, message, remedy)
        self.code = code
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        """Return the code, the message and the remedy on one line."""
        return f"[{self.code}] {sentences(self.message, self.remedy)}"


class ConfigError(BytefedError):
    """An option or a combination of options that cannot work."""


class DataError(BytefedError):
    """Samples, labels or a data file that cannot be used."""


class ModelError(BytefedError):
    """A .tflite file or manifest that cannot be used."""


class LinkError(BytefedError):
    """A port that cannot be opened, or a link that died."""


class ProtocolError(BytefedError):
    """Bytes that do not follow SPEC.md, or a version that does not match."""


class BoardError(BytefedError):
    """A board that answered, but not what the run needs."""


class StoreError(BytefedError):
    """A run directory or a file of keys that cannot be read or written."""


def sentences(message: str, remedy: str) -> str:
    """Return a message and its remedy on one line, with a stop between them."""
    if not remedy:
        return message
    return f"{message} {remedy}" if message.endswith((".", "!", "?")) else f"{message}. {remedy}"


def number_text(value: float) -> str:
    """Return a number as people write it: 2,147,483,647 and 0.001."""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.15g}"


def counted(count: int, noun: str) -> str:
    """Return a number of things: "1 client", "1,000 clients"."""
    return f"{count:,} {noun}" + ("" if count == 1 else "es" if noun.endswith("s") else "s")


def check_range(option: str, value: float, low: float, high: float) -> None:
    """Refuse the value of an option that is out of its range.

    Args:
        option: The option as it is written, such as ``--clients``.
        value: Its value; NaN is refused, too.
        low: Least value, allowed.
        high: Greatest value, allowed.

    Raises:
        ConfigError: E_CONFIG_RANGE.
    """
    if not low <= value <= high:
        raise ConfigError(
            "E_CONFIG_RANGE",
            f"{option} {number_text(value)} is out of range.",
            f"Give {option} a value from {number_text(low)} to {number_text(high)}.",
        )


def meant(word: str, known: Iterable[str]) -> str:
    """Return the known word that a mistyped one may stand for; an empty string where none is like it.

    The dashes before an option count for nothing: they would make any two short options alike.
    """
    by_letters = {each.lstrip("-").lower(): each for each in known}
    near = difflib.get_close_matches(word.lstrip("-").lower(), by_letters, 1, _ALIKE)
    return by_letters[near[0]] if near else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a question for the beginning of a remedy, with a space behind it; an empty string where none fits."""
    near = meant(word, known)
    return f"Did you mean {near}? " if near else ""


def too_many_files(what: str) -> LinkError:
    """Return the error of a process that may not open any more files.

    Args:
        what: The port or file that could not be opened.
    """
    return LinkError(
        "E_OPEN_FILES",
        f"{what}: too many files are open.",
        "Allow more with `ulimit -n 4096`, take fewer boards, or `bytefed run --boards loopback:N`: no ports to open.",
    )


def from_system(error: OSError) -> BytefedError:
    """Return the coded error for what the system refused, where nothing more is known about it."""
    what = str(error.filename or "The system")
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return too_many_files(what)
    return BytefedError(
        "E_SYSTEM", f"{what} refuses: {error.strerror or error}.", "Mend that, and try again."
    )
