"""Every error that bytefed raises on purpose, in one tree.

BytefedError
├── ConfigError      an option or a combination of options that cannot work
├── DataError        samples, labels or a data file that cannot be used
├── ModelError       a .tflite file or manifest that cannot be used
├── LinkError        a port that cannot be opened, or a link that died
├── ProtocolError    bytes that do not follow SPEC.md, or a version that does not match
├── BoardError       a board that answered, but not what the run needs
└── StoreError       a run directory that cannot be read or written

Each carries a code that scripts may rely on, and a remedy that tells the reader what to do now.
"""

from __future__ import annotations

import errno


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
        return " ".join(part for part in (f"[{self.code}]", self.message, self.remedy) if part)


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
    """A run directory that cannot be read or written."""


def too_many_files(what: str) -> LinkError:
    """Return the error of a process that may not open any more files.

    Args:
        what: The port or file that could not be opened.
    """
    return LinkError(
        "E_OPEN_FILES",
        f"{what}: too many files are open.",
        "Allow more with `ulimit -n 4096`, take fewer boards, or `--boards loopback:N`, which need no files.",
    )


def from_system(error: OSError) -> BytefedError:
    """Return the coded error for what the system refused, where nothing more is known about it."""
    what = str(error.filename or "The system")
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return too_many_files(what)
    return BytefedError(
        "E_SYSTEM", f"{what} refuses: {error.strerror or error}.", "Mend that, and try again."
    )
