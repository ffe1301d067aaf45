"""The keys at hand while a command is connected to boards."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from bytefed.errors import StoreError
from bytefed.keys.file import KeyFile
from bytefed.keys.shared import BoardKey


class KeyRing:
    """A file of keys, as connections use it: looked up by uid, and by where a board was last.

    Another command may change the file meanwhile, so that it is read again for each look.

    Args:
        file: The file; None for the user's.
        open_links: Whether boards that have no key are used all the same, in the clear.

    Raises:
        StoreError: E_KEYS_OPEN, E_KEYS_DAMAGED, E_KEYS_FILE.
    """

    def __init__(self, file: KeyFile | None = None, *, open_links: bool = False) -> None:
        self.open_links = open_links
        self.file = file or KeyFile()
        self._entries = self.file.read()

    def entry(self, uid: int) -> BoardKey | None:
        """Return the key of a board; None for a board whose key is not known here."""
        return self._now().get(uid)

    def uid_at(self, uri: str) -> int | None:
        """Return the uid of the board that was last at a URI; None for not known."""
        return next((uid for uid, entry in self._now().items() if entry.uri == uri), None)

    def _now(self) -> dict[int, BoardKey]:
        with suppress(StoreError):  # what was read last still opens boards
            self._entries = self.file.read()
        return self._entries

    def met(self, uid: int, uri: str, key: bytes) -> None:
        """Note that a board was met at a URI and has a key; a file that can't be written stays as it is."""
        entries = self._now()
        entry = entries.get(uid)
        others = any(other != uid and there.uri == uri for other, there in entries.items())
        if entry is None or (entry.uri == uri and entry.pending != key and not others):
            return
        with suppress(StoreError), self.file.changing() as changed:
            if uid in changed:
                changed[uid] = _met(changed[uid], uri, key)
                for other, there in changed.items():
                    if other != uid and there.uri == uri:
                        changed[other] = replace(there, uri="")


def _met(entry: BoardKey, uri: str, key: bytes) -> BoardKey:
    confirmed = replace(entry, key=key, pending=None) if entry.pending == key else entry
    return replace(confirmed, uri=uri)
