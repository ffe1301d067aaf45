"""A key that a board shares with its host, and the text by which it is kept."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from bytefed.seal import KEY_SIZE
from bytefed.toml_file import parse_toml

MOST_BYTES = 1 << 19
"""The largest text that is read: the keys of more than a thousand boards."""
MOST_NAME = 60
"""The longest name of a board, characters."""
_MOST_LINE, _MOST_URI = 512, 200
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_UID = re.compile(r"[0-9a-f]{16}", re.ASCII)
_HEX = re.compile(rf"[0-9a-f]{{{2 * KEY_SIZE}}}", re.ASCII)
_HEADER = """\
# Keys of boards. Whoever has a board's key can read its samples and train it: show them to nobody.
# Written by `bytefed pair` and `bytefed keys`; names may be changed here.
"""
_CHECKED = b"bytefed key"


class DamagedError(ValueError):
    """A text that is none of keys; says where and why, and nothing of what it holds.

    Attributes:
        line: Number of the line, from 1; 0 for the whole.
        why: Words about it.
    """

    def __init__(self, line: int, why: str) -> None:
        super().__init__(line, why)
        self.line = line
        self.why = why


@dataclass(frozen=True)
class BoardKey:
    """The key of one board.

    Attributes:
        uid: The board's identity, 64 bits.
        key: The key that the board has confirmed, 32 bytes; None for none yet.
        pending: A key that was about to be given to the board, 32 bytes: it may have taken it. None for none.
        name: The user's name for the board.
        date: The day on which the key was drawn, as 2026-01-31.
        uri: The URI at which the board was last; "" for not known.
    """

    uid: int
    key: bytes | None = field(default=None, repr=False)
    pending: bytes | None = field(default=None, repr=False)
    name: str = ""
    date: str = ""
    uri: str = ""

    @property
    def keys(self) -> tuple[bytes, ...]:
        """The keys that the board may have, the one that it has confirmed first."""
        return tuple(key for key in (self.key, self.pending) if key is not None)

    @property
    def label(self) -> str:
        """The uid as 16 hexadecimal digits, and the name if there is one."""
        return f"{self.uid:016x}" + (f" ({self.name})" if self.name else "")


def key_check(key: bytes) -> int:
    """Return the number by which a board proves that it has taken a key (SPEC.md section 10.5), 32 bits."""
    return int.from_bytes(hashlib.blake2b(_CHECKED, key=key, digest_size=8).digest()[:4], "little")


def today() -> str:
    """Return the date of a key that is drawn now."""
    return date.today().isoformat()


def is_name(text: str) -> bool:
    """Return whether a board may be called that."""
    return len(text) <= MOST_NAME and text.isprintable()


# ---- The text


def to_text(entries: Iterable[BoardKey]) -> str:
    """Return keys as a text, TOML, sorted by uid."""
    return _HEADER + "".join(_table(entry) for entry in sorted(entries, key=lambda entry: entry.uid))


def _table(entry: BoardKey) -> str:
    uri = entry.uri if entry.uri.isprintable() and len(entry.uri) <= _MOST_URI else ""
    lines = {
        "name": entry.name,
        "date": entry.date,
        "uri": uri,
        "key": entry.key.hex() if entry.key else "",
        "pending": entry.pending.hex() if entry.pending else "",
    }
    said = "".join(
        f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in lines.items() if value
    )
    return f"\n[{entry.uid:016x}]\n{said}"


def from_text(data: bytes) -> dict[int, BoardKey]:
    """Return the keys of a text, by uid.

    Raises:
        DamagedError: It is no text that ``to_text`` makes, or holds something that is no key.
    """
    if len(data) > MOST_BYTES:
        raise DamagedError(0, f"it has more than {MOST_BYTES:,} bytes")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DamagedError(data[: error.start].count(b"\n") + 1, "there is no text") from None
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > _MOST_LINE:
            raise DamagedError(number, "it is too long")
    try:
        document = parse_toml(text)
    except ValueError as error:  # its words may hold what the line does
        found = re.search(r"at line (\d+)", str(error))
        raise DamagedError(int(found[1]) if found else text.count("\n") + 1, "this is no TOML") from None
    return {entry.uid: entry for entry in (_entry(text, *each) for each in document.items())}


def _entry(text: str, name: str, table: Any) -> BoardKey:
    if not _UID.fullmatch(name) or not isinstance(table, Mapping):
        raise DamagedError(_line(text, name), "it begins no board's key: a uid has 16 hexadecimal digits")
    for word, value in table.items():
        if word not in _FIELDS or not isinstance(value, str) or not _FIELDS[word](value):
            raise DamagedError(_line(text, name, word), _WHY.get(word, "no such thing is said of a key"))
    values = {word: bytes.fromhex(table[word]) for word in ("key", "pending") if word in table}
    if not values:
        raise DamagedError(_line(text, name), "this board has no key")
    return BoardKey(
        int(name, 16), values.get("key"), values.get("pending"),
        table.get("name", ""), table.get("date", ""), table.get("uri", ""),
    )  # fmt: skip


def _is_key(text: str) -> bool:
    return bool(_HEX.fullmatch(text)) and text != "0" * len(text)


_FIELDS = {
    "name": is_name,
    "date": lambda text: not text or bool(_DATE.fullmatch(text)),
    "uri": lambda text: len(text) <= _MOST_URI and text.isprintable(),
    "key": _is_key,
    "pending": _is_key,
}
_NO_KEY = f"a key has {2 * KEY_SIZE} hexadecimal digits"
_WHY = {
    "name": f"a name has at most {MOST_NAME} characters, all of which can be printed",
    "date": "a date looks like 2026-01-31",
    "uri": f"a URI has at most {_MOST_URI} characters, all of which can be printed",
    "key": _NO_KEY,
    "pending": _NO_KEY,
}


def _line(text: str, table: str, word: str = "") -> int:
    """Return the number of the line that begins a table, or that has a word in it; 0 for not found."""
    inside = False
    for number, line in enumerate(text.split("\n"), 1):
        first = line.strip()
        if first.startswith("["):
            inside = first.strip("[] \"'\r") == table
        if inside and (
            first.startswith("[")
            if not word
            else re.split(r"[\s=]", first.strip("\"'"))[0].strip("\"'") == word
        ):
            return number
    return 0
