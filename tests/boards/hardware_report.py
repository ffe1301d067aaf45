"""Writes the results of the hardware test as Markdown to paste into an issue."""

from __future__ import annotations

from dataclasses import dataclass, field

from bytefed.boards.registry import emulation
from bytefed.runs.directory import versions


@dataclass
class Report:
    """Results by board's URI.

    Attributes:
        rows: (check, result, seconds, note) by URI, in the order of the checks.
    """

    rows: dict[str, list[tuple[str, str, float, str]]] = field(default_factory=dict)

    def add(self, uri: str, check: str, result: str, seconds: float, note: str) -> None:
        """Take down what came of a check: "passed", "FAILED" or "SKIPPED"."""
        self.rows.setdefault(uri, []).append((check, result, seconds, note))

    def markdown(self) -> str:
        """The report: a table for each board."""
        host = ", ".join(f"{name} {number}" for name, number in versions().items())
        lines = ["# bytefed hardware test", "", f"Host: {host}", ""]
        for uri, rows in self.rows.items():
            lines += [f"## {uri}", ""]
            if what := emulation(uri.partition(":")[0]):
                lines += [f"No hardware: {what}.", ""]
            lines += ["| check | result | seconds | note |", "| --- | --- | --- | --- |"]
            lines += [f"| {check} | {result} | {s:.1f} | {_cell(note)} |" for check, result, s, note in rows]
            lines.append("")
        if not any(uri.partition(":")[0].endswith("ble") for uri in self.rows):
            lines += ["BLE: SKIPPED, no board was named by ble:", ""]
        return "\n".join(lines)


def _cell(note: str) -> str:
    return " ".join(note.split()).replace("|", "\\|")
