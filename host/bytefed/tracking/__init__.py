"""Trackers of experiments beside a run: TensorBoard, MLflow, Weights & Biases (docs/trackers.md).

A tracker is told what the run's listener is told, on a thread of its own: one that is slow or fails costs the run
nothing.

    tracked.py   the listener, and the thread        scalars.py   the figures by round, one list for all trackers
    kinds.py     the trackers by name                tracker.py   the interface that each tracker has
    tensorboard.py, mlflow.py, wandb.py   one tracker each
"""

from bytefed.tracking.tracked import tracked

__all__ = ["tracked"]
