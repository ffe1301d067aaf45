"""Columns, described once: SQL, CSV files, their readers and the tables of SPEC 8 are made from these descriptions.

A row is a dataclass. Its fields carry their column as metadata, written `field(metadata=column("what it means", "B"))`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from types import UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

Kind = type[str] | type[int] | type[float]
Merge = Literal["keep", "add", "replace"]
_SQL = {str: "TEXT", int: "INTEGER", float: "REAL"}


@dataclass(frozen=True)
class Column:
    """A column of the ledger or of a CSV file.

    Attributes:
        name: Its name in every place.
        kind: Type of its values.
        meaning: Its description in SPEC 8.
        unit: Unit of its values, such as "B"; "" for none.
        optional: Whether a value may be empty.
        digits: Digits after the decimal point in a CSV file, for a float.
        merge: The effect of a board's further attempt at the same round: "keep" the first value, "add" the values, or
            "replace" it by the last value that is known.
        stored: Whether the database has the column; if not, it is computed from others.
        shown: Whether CSV files have the column.
    """

    name: str
    kind: Kind
    meaning: str
    unit: str = ""
    optional: bool = False
    digits: int = 6
    merge: Merge = "keep"
    stored: bool = True
    shown: bool = True

    @property
    def sql(self) -> str:
        """The column's definition in the database."""
        return f"{self.name} {_SQL[self.kind]}{'' if self.optional else ' NOT NULL'}"


def column(meaning: str, unit: str = "", *, then: tuple[Column, ...] = (), **details: Any) -> dict[str, Any]:
    """Return a field's metadata.

    Args:
        meaning: The column's description in SPEC 8.
        unit: Unit of its values; "" for none.
        then: Columns that follow it and are computed: properties of the same row.
        details: `digits`, `merge` and `shown` of Column.
    """
    return {"column": {"meaning": meaning, "unit": unit, **details}, "then": then}


def computed(name: str, kind: Kind, meaning: str, unit: str = "", **details: Any) -> Column:
    """Return a column whose values are a property of the row, and not stored."""
    return Column(name, kind, meaning, unit, stored=False, **details)


def columns(row: type) -> tuple[Column, ...]:
    """Return the columns of a row in order; a field that is a row itself stands for its own columns.

    Args:
        row: A dataclass whose fields carry metadata by `column`.
    """
    return tuple(_columns(row))


def _columns(row: type) -> Iterator[Column]:
    types = get_type_hints(row)
    for field in fields(row):
        kind, optional = _kind(types[field.name])
        if isinstance(kind, type) and is_dataclass(kind):
            yield from (replace(inner, optional=inner.optional or optional) for inner in _columns(kind))
        else:
            yield Column(field.name, kind, optional=optional, **field.metadata["column"])
            yield from field.metadata["then"]


def _kind(annotation: Any) -> tuple[Any, bool]:
    """Return the type of a field's values, and whether it may be None."""
    options = get_args(annotation) if isinstance(annotation, UnionType) else (annotation,)
    (kind,) = (option for option in options if option is not type(None))
    return (str if get_origin(kind) is Literal else kind), len(options) > 1
