"""The requirements of a run on each board; a board that does not meet them is refused with a remedy."""

from __future__ import annotations

from dataclasses import dataclass

from bytefed.data.task import Task
from bytefed.device.device import Device
from bytefed.device.labels import are_sensed
from bytefed.device.refusals import require_exact
from bytefed.errors import BoardError
from bytefed.federation.held import HeldTask
from bytefed.protocol.message import Capability


@dataclass(frozen=True)
class Requirements:
    """The properties that a run requires of each board.

    Attributes:
        features, classes: D and C of the head.
        model: CRC-32 of the extractor's .tflite file; 0 if the task has ready features.
        batch: Batch size.
        labels: Whether the run gives boards their labels, so that their heads get as many columns as its own.
    """

    features: int
    classes: int
    model: int
    batch: int
    labels: bool = False

    @classmethod
    def of(cls, task: Task | HeldTask, batch: int) -> Requirements:
        """Return the requirements of a task that is trained with batches of `batch` samples."""
        labels = isinstance(task, HeldTask) and bool(task.names)
        return cls(task.D, task.num_classes, task.model_hash, batch, labels)

    def check(self, device: Device) -> None:
        """Refuse a board that can't take part.

        Raises:
            BoardError: E_BOARD_INEXACT, E_BOARD_SHAPE, E_BOARD_MODEL or E_BOARD_BATCH.
        """
        require_exact(device.uri, device.board)
        board, who = device.board, f"Board {device.name} ({device.uri})"
        classes = self.classes if self.labels else board.classes
        if (board.features, classes) != (self.features, self.classes):
            raise BoardError(
                "E_BOARD_SHAPE",
                f"{who} has a head of {board.features}x{board.classes}, the run one of {self.features}x{self.classes}.",
                _remedy(device, self),
            )
        if self.model and board.model not in (0, self.model):
            raise BoardError(
                "E_BOARD_MODEL",
                f"{who} holds another feature extractor ({board.model:08x}) than the run's ({self.model:08x}).",
                "Flash it with this task's model; features of two models can't be mixed.",
            )
        if device.stored.max_batch < self.batch:
            raise BoardError(
                "E_BOARD_BATCH",
                f"{who} takes batches of at most {device.stored.max_batch} samples, not {self.batch}.",
                f"Use --batch-size {device.stored.max_batch} or less.",
            )


def _remedy(device: Device, needed: Requirements) -> str:
    """Say what helps a board whose head has another shape."""
    if are_sensed(device):
        return "It holds samples of its own: learn from them with `bytefed run --data boards`."
    if device.board.features == needed.features and device.board.capabilities & Capability.LABELLED:
        return f"Give it {needed.classes} labels (`bytefed labels set --help`), or name another --data."
    return "Flash it with the firmware for this task, or name the --data that it was flashed for."
