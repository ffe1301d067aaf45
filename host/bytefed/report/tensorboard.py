"""Scalars of runs as TensorBoard event files, by tensorboardX: no TensorFlow needed."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

from bytefed.errors import ConfigError
from bytefed.report.run_files import PARTS, Run
from bytefed.runs.directory import coded_errors


def write(directory: Path, runs: Sequence[Run]) -> list[Path]:
    """Write one subdirectory for each run, which TensorBoard shows as one run.

    Args:
        directory: Is made.
        runs: The runs to write.

    Returns:
        The subdirectories.

    Raises:
        ConfigError: E_EXTRA_MISSING without tensorboardX.
        StoreError: E_DISK_FULL, E_RUN_READ_ONLY or E_RUN_IO.
    """
    try:
        from tensorboardX import SummaryWriter
    except ImportError as error:
        raise ConfigError(
            "E_EXTRA_MISSING",
            "--tensorboard needs tensorboardX.",
            "Run: pip install tensorboardX",
        ) from error
    written = []
    with coded_errors(directory, "--tensorboard", "say it again"):
        for number, run in enumerate(runs, 1):
            folder = directory / f"{number:03d}-{re.sub(r'[^A-Za-z0-9._-]', '_', run.name)[:60]}"
            with SummaryWriter(str(folder)) as writer:
                for tag, step, value in _scalars(run):
                    writer.add_scalar(tag, value, step)
            written.append(folder)
    return written


def _scalars(run: Run) -> list[tuple[str, int, float]]:
    """Tag, round and value."""
    scalars: list[tuple[str, int, float]] = []
    for row, total in zip(run.rounds, accumulate(row.wire_total for row in run.rounds), strict=True):
        values = {
            "accuracy/global": row.accuracy_global,
            "accuracy/boards": row.accuracy_boards,
            "accuracy/personal": row.accuracy_personal,
            "bytes/wire": row.wire_total,
            "bytes/wire_so_far": total,
            "bytes/estimate": row.estimate_wire,
            "boards/participants": row.participants,
            "time/seconds": row.seconds,
        }
        scalars += [(tag, row.round, float(value)) for tag, value in values.items() if value is not None]
    sums: dict[tuple[int, str], int] = defaultdict(int)
    for entry in run.rows:
        for part, value in zip(PARTS, entry.parts or (), strict=False):
            sums[entry.round, part] += value
    return scalars + [(f"causes/{part}", number, float(value)) for (number, part), value in sums.items()]
