"""TensorBoard: event files by tensorboardX, which needs no TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bytefed.tracking.tracker import Subject

METRICS = ("accuracy/global", "accuracy/boards", "bytes/wire_so_far", "bytes/estimate_so_far")
"""The figures beside the hyperparameters in TensorBoard's table of runs."""


class TensorBoard:
    """Writes event files: what TensorBoard shows while the run goes on.

    Args:
        place: Folder that gets a subfolder for the run; "" for `tensorboard` in the run directory.
    """

    def __init__(self, place: str) -> None:
        self._place = place
        self._writer: Any = None

    def begin(self, subject: Subject) -> None:
        """Open an event file, beside those of earlier parts of the run, with the hyperparameters."""
        from tensorboardX import SummaryWriter
        from tensorboardX.summary import hparams

        folder = Path(self._place) / subject.name if self._place else subject.directory / "tensorboard"
        # Its flush() leaves behind what still waits in its own queue; so it is to write each second.
        self._writer = SummaryWriter(str(folder), flush_secs=1)
        # In the run's own file, which add_hparams would not do: there the table has the last scalars of the run.
        *beginning, self._ending = hparams(dict(subject.keys), dict.fromkeys(METRICS, 0.0))
        for summary in beginning:
            self._writer.file_writer.add_summary(summary)

    def scalars(self, step: int, values: Mapping[str, float], at: float) -> None:
        """Write figures; whoever looks sees them within a second or two."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step, walltime=at)

    def end(self, *, complete: bool) -> None:
        """Close the file; the table of runs has one that did not reach its end as going on."""
        if complete:
            self._writer.file_writer.add_summary(self._ending)
        self._writer.close()
