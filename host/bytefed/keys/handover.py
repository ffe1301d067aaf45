"""Takes keys from one of a user's hosts to another, and finds a key by what its user types."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bytefed.errors import StoreError, did_you_mean
from bytefed.keys.file import KeyFile
from bytefed.keys.shared import BoardKey, to_text
from bytefed.private_files import replace_file


def named(file: KeyFile, word: str) -> BoardKey:
    """Return the key of the board that has a uid or a name.

    Args:
        file: Where the keys are.
        word: Uid, 16 hexadecimal digits, or the name.

    Raises:
        StoreError: E_KEYS_UNKNOWN if there is no such board, or more than one of that name; as ``KeyFile.read``.
    """
    entries = file.read().values()
    found = [entry for entry in entries if word.lower() == f"{entry.uid:016x}" or word == entry.name]
    if len(found) == 1:
        return found[0]
    known = [word for entry in entries for word in (f"{entry.uid:016x}", entry.name) if word]
    what = "several boards are called" if found else "there is no board"
    raise StoreError(
        "E_KEYS_UNKNOWN",
        f"{file.path}: {what} {word!r}.",
        f"{'' if found else did_you_mean(word, known)}Say the uid, as `bytefed keys list` shows it.",
    )


def as_text(entry: BoardKey) -> str:
    """Return a key as a text that another host imports; where the board is does not go with it."""
    return to_text([replace(entry, uri="")])


def export_to(entry: BoardKey, path: Path) -> None:
    """Write a key to a file of its own, for this user alone.

    Raises:
        StoreError: E_KEYS_EXISTS if something is there; E_KEYS_FILE if it can't be written.
    """
    if path.exists():
        raise StoreError(
            "E_KEYS_EXISTS",
            f"{path} is there already, and may be the only copy of a key.",
            "Name another file.",
        )
    try:
        replace_file(path, as_text(entry).encode())
    except OSError as error:
        raise StoreError(
            "E_KEYS_FILE", f"{path} can't be written: {error.strerror}.", "Name a file elsewhere."
        ) from None


def import_from(path: Path, file: KeyFile) -> list[BoardKey]:
    """Take the keys of an exported file over.

    Args:
        path: The exported file.
        file: Where the keys are to be.

    Returns:
        Those that were not known.

    Raises:
        StoreError: E_KEYS_OPEN, E_KEYS_DAMAGED, E_KEYS_FILE for the one file or the other; E_KEYS_OTHER if another key
            of such a board is known, and then nothing is taken.
    """
    given = KeyFile(path).read()
    if not given:
        raise StoreError(
            "E_KEYS_FILE",
            f"{path} holds no keys, or is not there.",
            "Name a file that was exported on another host: `bytefed keys --help`.",
        )
    with file.changing() as entries:
        for uid, entry in given.items():
            known = entries.get(uid)
            if known is not None and known.key not in (None, entry.key):
                raise StoreError(
                    "E_KEYS_OTHER",
                    f"{path}: another key of board {known.label} is known here.",
                    f"If the one here is out of date: `bytefed keys forget {uid:016x}`, and import again.",
                )
        fresh = [entry for uid, entry in given.items() if uid not in entries or entries[uid].key is None]
        for uid, entry in given.items():
            known = entries.get(uid, entry)
            entries[uid] = replace(
                known if known.key else entry,
                pending=known.pending or entry.pending,  # what a board may have taken is never dropped
                name=known.name or entry.name,
            )
    return fresh
