"""The data dictionary of a run's CSV files: datapackage.json, which says each column's type, unit and meaning.

Its form is that of Frictionless data packages (specs.frictionlessdata.io/tabular-data-package), which readers of
several languages know; it has no word for units, so `unit` is a property of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bytefed.ledger.columns import Column
from bytefed.ledger.rows import BYTES_COLUMNS, ROUNDS_COLUMNS, SESSIONS_COLUMNS
from bytefed.runs.json_file import write_json

FILE = "datapackage.json"
_TYPES = {str: "string", int: "integer", float: "number"}
_FILES = {
    "bytes": ("Bytes by round, board and cause", BYTES_COLUMNS),
    "sessions": (
        "The same of all that is no round: connections, samples, last evaluations",
        SESSIONS_COLUMNS,
    ),
    "rounds": ("Rounds: who took part, what the head is worth, bytes", ROUNDS_COLUMNS),
}


def write_dictionary(directory: Path, run: int) -> None:
    """Write the data dictionary of a run.

    Args:
        directory: The run directory.
        run: The run's number.

    Raises:
        StoreError: The directory can't be written to.
    """
    write_json(directory / FILE, dictionary(run))


def dictionary(run: int) -> dict[str, Any]:
    """Return the data dictionary of a run's CSV files."""
    return {
        "profile": "tabular-data-package",
        "name": f"bytefed-{run:08x}",
        "title": f"Run {run:08x} of bytefed: every byte by its cause",
        "resources": [_resource(name, *told) for name, told in _FILES.items()],
    }


def _resource(name: str, title: str, columns: Sequence[Column]) -> dict[str, Any]:
    return {
        "profile": "tabular-data-resource",
        "name": name,
        "path": f"{name}.csv",
        "title": title,
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "dialect": {
            "delimiter": ",",
            "lineTerminator": "\n",
            "quoteChar": '"',
            "doubleQuote": True,
            "header": True,
        },
        "schema": {"fields": [_field(column) for column in columns], "missingValues": [""]},
    }


def _field(column: Column) -> dict[str, Any]:
    """Return a column's description; one that may be empty has no `required`."""
    described: dict[str, Any] = {"name": column.name, "type": _TYPES[column.kind]}
    if column.unit:
        described["unit"] = column.unit
    described["description"] = column.meaning
    if not column.optional:
        described["constraints"] = {"required": True}
    return described
