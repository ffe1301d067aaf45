"""The private file of a user's keys: changed at once or not at all, by one command at a time."""

from __future__ import annotations

import glob
import os
import shlex
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bytefed.errors import StoreError
from bytefed.keys.shared import MOST_BYTES, BoardKey, DamagedError, from_text, to_text
from bytefed.private_files import lock, make_folder, replace_file

VARIABLE = "BYTEFED_KEYS"
"""The environment variable that names another file than the usual one."""
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def default_path() -> Path:
    """Return the file that $BYTEFED_KEYS names, else keys.toml in the user's folder of settings, as XDG names it.

    Raises:
        StoreError: E_KEYS_FILE for a user without a home.
    """
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    try:
        settings = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    except RuntimeError:
        raise StoreError(
            "E_KEYS_FILE", "This user has no home, where keys would be.", f"Name a file: ${VARIABLE}=FILE"
        ) from None
    return settings / "bytefed" / "keys.toml"


class KeyFile:
    """A file of keys.

    Attributes:
        path: The file; it need not be there.
    """

    def __init__(self, path: Path | None = None) -> None:
        """Name the file; None for that of ``default_path``."""
        self.path = path or default_path()

    def read(self) -> dict[int, BoardKey]:
        """Return the keys by uid; none where there is no file.

        Raises:
            StoreError: E_KEYS_OPEN if others can read or change them; E_KEYS_DAMAGED; E_KEYS_FILE.
        """
        try:
            with self.path.open("rb") as file:
                self._refuse_open(file.fileno())
                data = file.read(MOST_BYTES + 1)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise self._refused(error) from None
        try:
            return from_text(data)
        except DamagedError as error:
            where = f", line {error.line}" if error.line else ""
            name = shlex.quote(str(self.path))
            raise StoreError(
                "E_KEYS_DAMAGED",
                f"{self.path}{where}: {error.why}. The file is left as it is.",
                f"Mend it, or put it aside: mv {name} {name}.old; boards then need new keys, and lose their samples: "
                "`bytefed pair BOARD --erase`.",
            ) from None

    def _refuse_open(self, descriptor: int) -> None:
        mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
        if os.name == "posix" and mode & _OTHERS:
            raise StoreError(
                "E_KEYS_OPEN",
                f"{self.path}: others on this computer can read or change the keys in it (mode {mode:o}).",
                f"Close it: chmod 600 {shlex.quote(str(self.path))}. If somebody may have read it, give its boards new "
                "keys: `bytefed keys rotate BOARD`.",
            )

    @contextmanager
    def changing(self) -> Iterator[dict[int, BoardKey]]:
        """Give the keys to be changed; they are written at the end, unless that is an error, and on disk then.

        Other commands that change them wait meanwhile.

        Raises:
            StoreError: As ``read``; E_KEYS_FILE if they can't be written.
        """
        with self._locked():
            entries = self.read()
            before = dict(entries)
            yield entries
            if entries != before:
                self._write(entries)

    def _write(self, entries: dict[int, BoardKey]) -> None:
        content = to_text(entries.values()).encode()
        if len(content) > MOST_BYTES:
            raise StoreError(
                "E_KEYS_FILE",
                f"{self.path} has no room for more keys.",
                "Let go of boards that are gone: `bytefed keys forget UID`.",
            )
        try:
            _remove_unfinished(self.path.resolve())
            replace_file(self.path, content)
        except OSError as error:
            raise self._refused(error) from None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        path = self.path.resolve()
        try:
            make_folder(path.parent)
            descriptor = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise self._refused(error) from None
        try:
            self._lock(descriptor)
            yield
        finally:
            os.close(descriptor)

    def _lock(self, descriptor: int) -> None:
        try:
            lock(descriptor, wait=True)
        except OSError as error:  # some file systems can't
            raise self._refused(error) from None

    def _refused(self, error: OSError) -> StoreError:
        return StoreError(
            "E_KEYS_FILE",
            f"The keys can't be read or written: {error.filename or self.path}: {error.strerror}.",
            f"Mend that, or name another file by the variable ${VARIABLE}.",
        )


def _remove_unfinished(path: Path) -> None:
    """Remove the files of writers that were killed before they were done: they have keys, too."""
    for unfinished in path.parent.glob(f"{glob.escape(path.name)}.*"):
        if unfinished.suffix[1:].isdecimal():
            unfinished.unlink(missing_ok=True)
