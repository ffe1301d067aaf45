"""Tries the guard of whitening on tasks that its rule was not made on, and prints a table (docs/whitening.md).

Six tasks that come inside packages, with features made by hand: 30 % of the rows are the part that whitening is made of
and judged on, 40 % are federated, 30 % are the test; ten stratified splits of each. A head is trained on the federated
rows in one place by the core's kernel, as long and as fast as the guard's own heads. *guarded* is the accuracy with
whitening where the guard said so and plain features where it did not.

    python benchmarks/whitening_guard.py [--splits 10] [--first-split 0] [TASK ...]
"""

from __future__ import annotations

import argparse
import importlib.util
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bytefed.data.columns import Columns
from bytefed.extractor.choice import Choice, Fold, choose, folds_of, heads_right, layer_of
from bytefed.extractor.quantization import Quantization

OUTPUT = Path("build/bench/whitening_guard.json")
TASKS = ("GunPoint", "ItalyPowerDemand", "ArrowHead", "PickupGestureWiimoteZ", "wine", "breast_cancer")
"""Four of aeon's, two of scikit-learn's: none of them was looked at when the rule was made."""
OWN, FEDERATED = 0.3, 0.4
MOST_SEGMENTS = 16


@dataclass(frozen=True)
class Split:
    """The result of one split of a task; accuracies in per cent.

    Attributes:
        cv_plain: Cross-validated within the own part, plain features.
        cv_whitened: The same, whitened.
        whitens: Whether the guard said so.
        plain: On the test, heads on plain features.
        whitened: On the test, heads on whitened features, whatever the guard said.
        setting: Directions and shrinkage.
    """

    cv_plain: float
    cv_whitened: float
    whitens: bool
    plain: float
    whitened: float
    setting: tuple[int, float]

    @property
    def gain(self) -> float:
        """Points that the guard's answer wins on the test."""
        return self.whitened - self.plain if self.whitens else 0.0


def load(name: str) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """Return features [n, D] and labels of a task."""
    if name in ("wine", "breast_cancer"):
        from sklearn import datasets

        bunch = getattr(datasets, f"load_{name}")()
        return bunch.data, bunch.target.astype(np.uint8)
    spec = importlib.util.find_spec("aeon")
    assert spec is not None and spec.submodule_search_locations, "pip install --no-deps aeon"
    folder = Path(spec.submodule_search_locations[0]) / "datasets" / "data" / name
    series, labels = [], []
    for part in ("TRAIN", "TEST"):
        lines = (folder / f"{name}_{part}.ts").read_text().splitlines()
        begin = next(number for number, line in enumerate(lines) if line.lower().startswith("@data"))
        for line in filter(None, lines[begin + 1 :]):
            *axes, label = line.split(":")
            series.append([np.array(axis.split(","), np.float64) for axis in axes])
            labels.append(label)
    shortest = min(len(axis) for axes in series for axis in axes)
    segments = min(MOST_SEGMENTS, shortest // 3)
    return (
        np.array([statistics(axes, segments) for axes in series]),
        np.unique(labels, return_inverse=True)[1].astype(np.uint8),
    )


def statistics(axes: list[NDArray[np.float64]], segments: int) -> list[float]:
    """Return mean, standard deviation and mean absolute step of each segment of each axis."""
    pieces = [piece for axis in axes for piece in np.array_split(axis, segments)]
    return [
        float(value)
        for piece in pieces
        for value in (piece.mean(), piece.std(), np.abs(np.diff(piece)).mean())
    ]


def split(X: NDArray[np.float64], y: NDArray[np.uint8], seed: int) -> Split:
    """Divide a task, ask the guard, and test both kinds of features."""
    own, federated, test = _divide(y, seed)
    columns = Columns.fit(X, federated)  # as for an .npz file: the federated rows say what a step is
    codes, code = columns.encode(X), columns.quantization
    found: Choice = choose(*folds_of(codes[own], code, y[own]))
    directions, shrinkage = found.setting
    layer = layer_of(codes[own], code, y[own], directions=directions, shrinkage=shrinkage)

    def accuracy(features: NDArray[np.int8], meaning: Quantization) -> float:
        none = np.empty(0, np.int64)
        fold = Fold(features, meaning, y, none, np.flatnonzero(federated), np.flatnonzero(test))
        return 100 * float(heads_right(fold, features, meaning, int(y.max()) + 1).mean())

    return Split(
        100 * found.plain,
        100 * found.whitened,
        found.pays,
        accuracy(codes, code),
        accuracy(layer.apply(codes), layer.output),
        found.setting,
    )


def _divide(y: NDArray[np.uint8], seed: int) -> tuple[NDArray[np.bool_], ...]:
    """Return masks of the three parts, each label in proportion."""
    random = np.random.RandomState(1000 + seed)
    place = np.empty(len(y))
    for label in np.unique(y):
        rows = random.permutation(np.flatnonzero(y == label))
        place[rows] = (np.arange(len(rows)) + 0.5) / len(rows)
    return place < OWN, (place >= OWN) & (place < OWN + FEDERATED), place >= OWN + FEDERATED


def row(name: str, shape: tuple[int, int, int], splits: list[Split]) -> str:
    """Return a task's line of the table."""
    gains = np.array([one.gain for one in splits])
    always = np.array([one.whitened - one.plain for one in splits])
    on = [one for one in splits if one.whitens]
    promised = f"{np.mean([one.cv_whitened - one.cv_plain for one in on]):+.2f}" if on else ""
    kept = f"{np.mean([one.gain for one in on]):+.2f}" if on else ""
    n, D, C = shape
    error = gains.std(ddof=1) / np.sqrt(len(gains)) if len(gains) > 1 else np.nan
    return (
        f"| {name} | {n}, {D}, {C} | {np.mean([one.plain for one in splits]):.2f} | {len(on)} of {len(splits)} | "
        f"{gains.mean():+.2f} +- {error:.2f} | {gains.min():+.2f} | {promised} | {kept} | {always.mean():+.2f} |"
    )


def main() -> None:
    """Run the tasks and print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("tasks", nargs="*", default=TASKS, metavar="TASK")
    options.add_argument("--splits", type=int, default=10)
    options.add_argument("--first-split", type=int, default=0)
    args = options.parse_args()
    print(
        "| task | rows, D, C | plain | whitened | guarded: gain, points | worst split | promised where on | got there "
        "| always on |"
    )
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    document = {}
    for name in args.tasks:
        X, y = load(name)
        numbers = range(args.first_split, args.first_split + args.splits)
        splits = [split(X, y, seed) for seed in numbers]
        document[name] = [asdict(one) for one in splits]
        print(row(name, (len(X), X.shape[1], int(y.max()) + 1), splits), flush=True)
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
