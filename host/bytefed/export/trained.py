"""The global head of a run, with what says how to use it: the features, the labels, and what boards answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bytefed import _core
from bytefed.data import synthetic
from bytefed.data.load import ON_BOARDS
from bytefed.data.task import Task
from bytefed.errors import DataError, StoreError
from bytefed.export.held import held_task
from bytefed.federation.assignment import task_of
from bytefed.federation.config import RunConfig
from bytefed.head import Head, parameters
from bytefed.runs.columns import newest_head
from bytefed.runs.directory import RESOLVED


@dataclass(frozen=True, eq=False)
class Trained:
    """The newest global head of a run.

    Attributes:
        directory: The run directory.
        head: float32 [D * C + C], weights feature-major, then biases.
        task: The task that it was learnt on.
        held: Whether boards held the samples: then `task` has random windows in their place.
    """

    directory: Path
    head: Head
    task: Task
    held: bool = False

    @classmethod
    def load(cls, directory: Path, data_dir: Path | None = None) -> Trained:
        """Load the head of a run, and the task that it is for.

        Args:
            directory: The run directory.
            data_dir: Folder of raw data, where it is no longer the one that the run read them from.

        Raises:
            StoreError: E_RUN_MISSING or E_RUN_CORRUPT; E_RUN_UNTRAINED for a run that has no round yet.
            DataError, ModelError, ConfigError: The run's data can't be loaded any more.
        """
        head = newest_head(directory)
        config = RunConfig.resolve(directory / RESOLVED, {})
        if config.data == synthetic.NAME:
            raise DataError(
                "E_DATA_UNKNOWN",
                f"{directory} learnt from synthetic samples, which stand for nothing that could be classified.",
                "Export a run that learnt from data.",
            )
        held = config.data == ON_BOARDS
        if held:
            task = held_task(directory)
        else:
            task = task_of(replace(config, data_dir=str(data_dir)) if data_dir else config)
        if len(head) != parameters(task.D, task.num_classes):
            raise StoreError(
                "E_RUN_CORRUPT",
                f"The newest head of {directory} has {len(head):,} values, and that of {task.name}"
                f" {parameters(task.D, task.num_classes):,}.",
                "Have the data as they were when the run learnt from them, or take another copy of the directory.",
            )
        if not head.any():
            raise StoreError(
                "E_RUN_UNTRAINED",
                f"{directory} has no round that is over: its head is all zeros.",
                "Let it run first: `bytefed run --resume DIR`.",
            )
        return cls(directory, head, task, held)

    @property
    def W(self) -> NDArray[np.float32]:  # noqa: N802 (as in `RunResult.head`)
        """The weights, float32 [D, C]."""
        return self.head[: self.task.D * self.task.num_classes].reshape(self.task.D, self.task.num_classes)

    @property
    def b(self) -> NDArray[np.float32]:
        """The biases, float32 [C]."""
        return self.head[self.task.D * self.task.num_classes :]

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the classes; their numbers where they have no names."""
        return self.task.classes or tuple(str(number) for number in range(self.task.num_classes))

    def logits(self, features: NDArray[np.int8]) -> NDArray[np.float32]:
        """Return what a board computes of features, int8 [n, D], by its own arithmetic: float32 [n, C]."""
        task, count = self.task, len(features)
        out = np.empty(count * task.num_classes, np.float32)
        _core.logits(
            self.head,
            np.ascontiguousarray(features),
            task.num_classes,
            scale=task.quantization.scale,
            zero_point=task.quantization.zero_point,
            out=out,
        )
        return out.reshape(count, task.num_classes)
