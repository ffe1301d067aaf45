"""Who has which labels, which classes are taken for which, and how sure an accuracy is: from summary.json.

Nothing in it is believed: what has not the right shape is left out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any

from bytefed.report.chart import XY, Axis, Chart, Series
from bytefed.report.charts import thin
from bytefed.report.run_files import Run, finite

MOST_CLASSES = 64
MOST_CLIENTS = 64
_CURVES = 8
_Z = 1.959964  # of the normal distribution, 95 % in between


def wilson(correct: float, samples: int) -> tuple[float, float]:
    """Return the interval that holds an accuracy with 95 % confidence (Wilson 1927, "Probable inference, ...").

    Args:
        correct: Samples classified correctly.
        samples: All samples, at least 1.
    """
    share, z2 = correct / samples, _Z * _Z / samples
    middle = (share + z2 / 2) / (1 + z2)
    half = _Z * math.sqrt(share * (1 - share) / samples + z2 / (4 * samples)) / (1 + z2)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def interval(run: Run) -> str:
    """Say between what and what the accuracy on the test set is; "" where its size is not known."""
    samples, accuracy = int(finite(run.summary.get("test_samples")) or 0), run.accuracy()
    if samples < 1 or accuracy is None:
        return ""
    low, high = wilson(min(accuracy, 1.0) * samples, samples)
    return f"{100 * low:.1f} to {100 * high:.1f} % with 95 % confidence: {samples:,} test samples"


def labels(run: Run) -> str:
    """A table of the training samples that each client has of each class; "" where the summary has none."""
    rows = [(name, _counts(entry.get("train")), _counts(entry.get("test"))) for name, entry in _clients(run)]
    classes = max((len(train) for _, train, _ in rows), default=0)
    rows = [row for row in rows if len(row[1]) == classes][:MOST_CLIENTS]
    if not classes or not rows:
        return ""
    names = _names(run, classes)
    most = max(max(train) for _, train, _ in rows) or 1
    lines = [
        f'<tr><td><span class="uid">{escape(name)}</span></td>'
        + _shaded(train, [most] * classes)
        + f"<td>{sum(train):,}</td><td>{sum(test):,}</td></tr>"
        for name, train, test in rows
    ]
    head = "".join(f"<th>{escape(name)}</th>" for name in ("board", *names, "training", "own test"))
    cut = f" The first {len(rows)} of {run.clients:,}." if run.clients > len(rows) else ""
    return _panel("Who has which labels", head, lines, f"Training samples of each class.{cut}")


def confusion(run: Run) -> str:
    """A table of what the last head takes each class for, on the test set; "" where the summary has none."""
    value = run.summary.get("confusion")
    rows = [_counts(row) for row in value[:MOST_CLASSES]] if isinstance(value, list) else []
    if not rows or any(len(row) != len(rows) for row in rows):
        return ""
    names = _names(run, len(rows))
    lines = [
        f"<tr><td>{escape(name)}</td>{_shaded(row, [sum(row)] * len(row))}<td>{sum(row):,}</td></tr>"
        for name, row in zip(names, rows, strict=True)
    ]
    head = "".join(f"<th>{escape(name)}</th>" for name in ("is \\ taken for", *names, "samples"))
    note = "The last head on the test set: rows are what a sample is, columns what it is taken for."
    return _panel("Which classes are taken for which", head, lines, note)


def curves(run: Run) -> list[Chart]:
    """Return the chart of each board's accuracy on its own test samples."""
    found = [
        (name, points) for name, entry in _clients(run) if (points := _points(entry.get("accuracy_test")))
    ]
    if not found:
        return []
    shown = found[:_CURVES]
    cut = f" The first {_CURVES} of {len(found)} boards." if len(found) > _CURVES else ""
    return [
        XY(
            "accuracy-own-tests",
            "Accuracy board by board",
            f"Of the head of each round on the board’s own test samples.{cut}",
            Axis("round", whole=True),
            Axis("accuracy", "%"),
            lines=[
                Series.through(points, name[:6], f"s{index}") for index, (name, points) in enumerate(shown)
            ],
        )
    ]


def _points(value: Any) -> list[tuple[float, float]]:
    """Round and accuracy, by round."""
    entries = value.items() if isinstance(value, dict) else ()
    pairs = [(number, finite(share)) for number, share in entries if number.isdecimal() and len(number) < 6]
    return thin(sorted((int(number), share) for number, share in pairs if share is not None))


def _clients(run: Run) -> list[tuple[str, dict[str, Any]]]:
    value = run.summary.get("clients")
    entries = value.items() if isinstance(value, dict) else ()
    return [(str(name)[:40], entry) for name, entry in entries if isinstance(entry, dict)]


def _counts(value: Any) -> list[int]:
    """Whole numbers from 0; nothing where there is anything else."""
    if not isinstance(value, list) or len(value) > MOST_CLASSES:
        return []
    good = all(isinstance(entry, int) and 0 <= entry < 10**9 for entry in value)
    return [int(entry) for entry in value] if good else []


def _names(run: Run, classes: int) -> list[str]:
    value = run.summary.get("class_names")
    named = isinstance(value, list) and len(value) == classes
    return (
        [str(name)[:12] for name in value] if named and value else [str(number) for number in range(classes)]
    )


def _shaded(values: Sequence[int], wholes: Sequence[int]) -> str:
    return "".join(
        f'<td class="heat" style="--v:{100 * value / (whole or 1):.0f}%">{value or ""}</td>'
        for value, whole in zip(values, wholes, strict=True)
    )


def _panel(title: str, head: str, lines: Sequence[str], note: str) -> str:
    return (
        f'<h2>{title}</h2><div class="panel scroll"><table class="heat"><thead><tr>{head}</tr></thead>'
        f'<tbody>{"".join(lines)}</tbody></table></div><p class="fine">{note}</p>'
    )
