"""Scalars of runs as TensorBoard event files, by tensorboardX: no TensorFlow needed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from bytefed.errors import ConfigError
from bytefed.report.run_files import Run, add_parts, total
from bytefed.runs.directory import coded_errors
from bytefed.tracking.scalars import OF_HEAD, OF_ROUND, causes, figures


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


def _scalars(run: Run) -> Iterator[tuple[str, int, float]]:
    """Yield tag, round and value, under the names that a tracker has for them while a run goes on."""
    wire = estimate = 0
    for row in run.rounds:
        wire, estimate = wire + row.wire_total, estimate + row.estimate_wire
        so_far = {"bytes/wire_so_far": float(wire), "bytes/estimate_so_far": float(estimate)}
        for tag, value in {**figures(OF_ROUND, row), **figures(OF_HEAD, row), **so_far}.items():
            yield tag, row.round, value
    for number, rows in groupby(sorted(run.rows, key=_round), _round):
        booked = [*rows]
        for tag, value in causes(add_parts(booked)).items():
            yield tag, number, value
        for tag, spent in (("air/seconds", "air_seconds"), ("energy/mJ", "energy_mj")):
            if (known := total(getattr(row, spent) for row in booked)) is not None:
                yield tag, number, known


_round = attrgetter("round")
