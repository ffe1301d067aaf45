"""Weights & Biases: a run of its service, or offline in files that `wandb sync` sends later."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from bytefed.tracking.tracker import Subject


class WandB:
    """Keeps a run in a project, under the run's own number; offline unless $WANDB_MODE says otherwise.

    Args:
        place: Name of the project; "" for $WANDB_PROJECT, or `bytefed`.
    """

    def __init__(self, place: str) -> None:
        self._project = place
        self._run: Any = None

    def begin(self, subject: Subject) -> None:
        """Start its run, or go on with the one of this number."""
        import wandb

        self._run = wandb.init(
            project=self._project or os.environ.get("WANDB_PROJECT", "bytefed"),
            id=subject.number,
            name=subject.name,
            config=dict(subject.keys),
            resume="allow",
            mode=os.environ.get("WANDB_MODE", "offline"),  # it would ask for a login in the middle of a run
            settings=wandb.Settings(silent=True, console="off"),  # the terminal is the run's
        )
        # Figures about an earlier round come late; its own steps only go up.
        self._run.define_metric("round")
        self._run.define_metric("*", step_metric="round")

    def scalars(self, step: int, values: Mapping[str, float], at: float) -> None:
        """Log figures by round, at the moment at which they were known."""
        self._run.log({"round": step, "_timestamp": at, **values})

    def end(self, *, complete: bool) -> None:
        """Finish its run; one that Ctrl-C or an error ended counts as failed until it is resumed."""
        self._run.finish(exit_code=0 if complete else 1)
