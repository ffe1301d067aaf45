"""use.csv: what boards at use took, watched or recorded, beside what was predicted (SPEC.md section 8.5)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bytefed.errors import StoreError
from bytefed.ledger.rows import SESSIONS_COLUMNS, Traffic
from bytefed.private_files import make_folder
from bytefed.protocol.message import VISIT
from bytefed.runs.csv_files import CsvFile, traffic_row
from bytefed.runs.directory import coded_errors

_AGAIN = "start it again"


class UseLog:
    """A file of rows that grows with each use of boards; its rows stay.

    Args:
        folder: Its folder, made if it is not there.

    Raises:
        StoreError: E_LOG_OTHER for a file with other columns; E_RUN_READ_ONLY, E_DISK_FULL.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "use.csv"
        self._file = CsvFile(self.path, SESSIONS_COLUMNS)
        with coded_errors(folder, "--log", _AGAIN):
            make_folder(folder)
            if self.path.exists():
                self._check()
            else:
                self._file.rewrite()

    def _check(self) -> None:
        with self.path.open("rb") as file:
            header = file.readline().decode(errors="replace").rstrip("\n").split(",")
        if header != [each.name for each in SESSIONS_COLUMNS]:
            raise StoreError(
                "E_LOG_OTHER",
                f"{self.path} has other columns than this version writes.",
                "Give --log another folder, or move that file away.",
            )

    def add(self, rows: Iterable[Traffic]) -> None:
        """Add rows behind those that are there."""
        self._file.append(traffic_row(VISIT, row) for row in rows)
