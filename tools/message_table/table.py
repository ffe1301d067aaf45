"""The table of messages, firmware/lib/bytefed/messages.toml, read and checked."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SIZES = {"u8": 1, "u16": 2, "u32": 4, "u64": 8, "i8": 1, "f32": 4}
"""Bytes of the unnamed types."""


class TableError(Exception):
    """An error that says what is wrong with the table."""


@dataclass(frozen=True)
class Constant:
    """A number that both ends know, of type `size` or an integer type."""

    name: str
    type: str
    value: int
    meaning: str


@dataclass(frozen=True)
class Value:
    """One value of an enum, or one flag with the number of its bit."""

    name: str
    number: int
    meaning: str

    @property
    def remark(self) -> str:
        """The meaning; empty if the name already says it."""
        return "" if self.meaning.upper() == self.name.replace("_", " ") else self.meaning


@dataclass(frozen=True)
class Values:
    """An enum or a set of flags; `type` is the integer that crosses the wire."""

    name: str
    type: str
    meaning: str
    values: tuple[Value, ...]
    are_bits: bool

    def listed(self) -> str:
        """Return all values on one line, as a field's meaning shows them."""
        if self.are_bits:
            return "; ".join(f"bit {value.number}: {value.meaning}" for value in self.values)
        return ", ".join(f"{value.number} {value.meaning}" for value in self.values)


@dataclass(frozen=True)
class Field:
    """One field of a body: `wire` is its type on the link, `values` names the enum or flags of its values."""

    name: str
    wire: str
    meaning: str
    default: float | None
    values: Values | None


@dataclass(frozen=True)
class Message:
    """A control message.

    Attributes:
        blob: Says when a blob follows the fields; None for never.
        flags: The flags in the low bits of the kind; None for none.
    """

    name: str
    kind: int
    direction: str
    purpose: str
    fields: tuple[Field, ...]
    blob: str | None
    flags: Values | None

    @property
    def kinds(self) -> range:
        """The kinds that a frame with this message may have."""
        return range(self.kind, self.kind + (1 << len(self.flags.values) if self.flags else 1))

    @property
    def size(self) -> int:
        """Bytes of the body, without the blob."""
        return sum(SIZES[field.wire] for field in self.fields)


@dataclass(frozen=True)
class Table:
    """The content of the file, in its order."""

    constants: tuple[Constant, ...]
    values: tuple[Values, ...]
    messages: tuple[Message, ...]


def read(path: Path) -> Table:
    """Read the table.

    Raises:
        TableError: Two things have one name or one number, or a type is unknown.
    """
    raw = tomllib.loads(path.read_text(encoding="utf-8"))
    values = tuple(_values(row, kind == "flags") for kind in ("enum", "flags") for row in raw[kind])
    known = {each.name: each for each in values}
    table = Table(
        tuple(Constant(**row) for row in raw["constant"]),
        values,
        tuple(_message(row, known) for row in raw["message"]),
    )
    _unique("constants", [each.name for each in table.constants])
    _unique("enums and flags", [each.name for each in values])
    _unique(
        "messages",
        [each.name for each in table.messages],
        [kind for each in table.messages for kind in each.kinds],
    )
    return table


def sentence(meaning: str) -> str:
    """Return a meaning as a comment shows it: a sentence, without Markdown's marks."""
    text = re.sub(r"\*{1,2}(\w+)\*{1,2}", r"\1", meaning).replace("`", "")
    return text[:1].upper() + text[1:] + "."


def _values(row: dict[str, Any], are_bits: bool) -> Values:
    values = tuple(Value(*each) for each in row["values"])
    _unique(row["name"], [each.name for each in values], [each.number for each in values])
    return Values(row["name"], row["type"], row["meaning"], values, are_bits)


def _message(row: dict[str, Any], known: dict[str, Values]) -> Message:
    fields = tuple(_field(row["name"], each, known) for each in row.get("fields", ()))
    _unique(row["name"], [each.name for each in fields])
    size = sum(SIZES[field.wire] for field in fields)
    return Message(
        row["name"],
        row["kind"],
        row["direction"],
        row["purpose"],
        fields,
        row["blob"].replace("{size}", str(size)) if "blob" in row else None,
        known[row["flags"]] if "flags" in row else None,
    )


def _field(message: str, row: list[Any], known: dict[str, Values]) -> Field:
    name, type_, meaning, *default = row
    values = known.get(type_)
    wire = values.type if values else type_
    if wire not in SIZES:
        raise TableError(f"{message}.{name}: there is no type {type_}")
    if values:
        meaning = meaning.replace("{values}", values.listed())
    return Field(name, wire, meaning, default[0] if default else None, values)


def _unique(where: str, *columns: list[Any]) -> None:
    for column in columns:
        twice = {each for each in column if column.count(each) > 1}
        if twice:
            raise TableError(f"{where}: {', '.join(map(str, twice))} stands there twice")
