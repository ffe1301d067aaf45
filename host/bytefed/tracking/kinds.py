"""The trackers by the name that `--track` takes, and the package that each needs."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import NamedTuple

from bytefed.errors import ConfigError, did_you_mean
from bytefed.tracking.mlflow import MLflow
from bytefed.tracking.tensorboard import TensorBoard
from bytefed.tracking.tracker import Tracker
from bytefed.tracking.wandb import WandB


class Kind(NamedTuple):
    """A kind of tracker.

    Attributes:
        make: From the words behind the colon to a tracker; "" for its own default.
        module: The module that it needs.
        package: The package that has this module.
    """

    make: Callable[[str], Tracker]
    module: str
    package: str


KINDS = {
    "tensorboard": Kind(TensorBoard, "tensorboardX", "tensorboardX"),
    "mlflow": Kind(MLflow, "mlflow", "mlflow"),
    "wandb": Kind(WandB, "wandb", "wandb"),
}


def make(spelled: str) -> tuple[str, Tracker]:
    """Return a tracker's name and the tracker.

    Args:
        spelled: The words after `--track`: NAME, or NAME:PLACE.

    Raises:
        ConfigError: E_CONFIG_CHOICE for another name, E_EXTRA_MISSING if its package is missing.
    """
    name, _, place = spelled.partition(":")
    if name not in KINDS:
        raise ConfigError(
            "E_CONFIG_CHOICE",
            f"--track: there is no tracker '{name}'.",
            f"{did_you_mean(name, KINDS)}There are: {', '.join(KINDS)}.",
        )
    kind = KINDS[name]
    if find_spec(kind.module) is None:
        raise ConfigError(
            "E_EXTRA_MISSING", f"--track {name} needs {kind.package}.", f"Run: pip install {kind.package}"
        )
    return name, kind.make(place)
