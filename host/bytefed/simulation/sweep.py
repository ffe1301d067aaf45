"""A grid of settings, each tried with several seeds, and one table of what came of it.

Every trial is a line of trials.jsonl, written when it is over: a sweep that is stopped goes on where it stood. Nothing
is ever chosen by accuracy on the test set: the recommended codec follows from the boards' own test samples.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bytefed import codec
from bytefed.federation.config import RunConfig
from bytefed.ledger import rates
from bytefed.ledger.bytes_to import SHARES, bytes_to, final_accuracy
from bytefed.runs.csv_files import defused
from bytefed.simulation.beside import Beside, geometric, present, reached
from bytefed.simulation.prices import Prices
from bytefed.simulation.trial import Outcome
from bytefed.strategies.registry import canonical

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Values = NDArray[np.float64]

REFERENCE, USUAL = "float32", "usual"
"""The codec and the first round of the trials that others are compared with."""
TRIALS, TABLE = "trials.jsonl", "sweep.csv"
TOLERANCE = 0.005  # of final accuracy, that the recommended codec may lose
COSTS = {"bytes": "wire", "air time": "air", "energy": "energy"}
"""The costs by which a codec is recommended, and their names in a trial."""


@dataclass(frozen=True)
class Setting:
    """A cell of the grid.

    Attributes:
        data, alpha, codec, local_epochs, learning_rate, batch_size, fraction_train, strategy, first_round: The keys
            of RunConfig of the same names; epochs and a learning rate of 0 are those by rule.
    """

    data: str
    alpha: float
    codec: str
    local_epochs: int
    learning_rate: float
    batch_size: int
    fraction_train: float
    strategy: str
    first_round: str

    @property
    def world(self) -> tuple[str, float, float, str]:
        """What is learnt, by whom and how it is averaged: all but the codec and how boards train."""
        return self.data, self.alpha, self.fraction_train, self.strategy

    @property
    def is_reference(self) -> bool:
        """Whether others are compared with it."""
        return (self.codec, self.first_round) == (REFERENCE, USUAL)

    @property
    def reference(self) -> Setting:
        """The same with the codec that loses nothing, and a usual first round."""
        return Setting(**{**asdict(self), "codec": REFERENCE, "first_round": USUAL})


@dataclass(frozen=True, eq=False)
class Trial:
    """The results of a setting with one seed: float64 [rounds] each, of the means of ``trial.Outcome`` over the boards.

    Attributes:
        accuracy, held, validation, validation_held: Accuracies of each round, as those of ``trial.Outcome``.
        wire: A board's bytes up to the end of each round.
        kinds: float64 [rounds, 8], a board's rounds of each kind so far.
        trained: Samples that a board trained on so far.
        air: A board's seconds in the air so far; empty before ``priced``.
        energy: A board's energy so far, mJ; empty before ``priced``.
    """

    accuracy: Values
    held: Values
    validation: Values
    validation_held: Values
    wire: Values
    kinds: Values = field(default_factory=lambda: np.empty((0, 8)))
    trained: Values = field(default_factory=lambda: np.empty(0))
    air: Values = field(default_factory=lambda: np.empty(0))
    energy: Values = field(default_factory=lambda: np.empty(0))

    @classmethod
    def of(cls, outcome: Outcome, clients: int) -> Trial:
        """Take a trial's outcome."""
        return cls(
            outcome.accuracy,
            outcome.held,
            outcome.validation,
            outcome.validation_held,
            outcome.wire / clients,
            outcome.kinds / clients,
            outcome.trained / clients,
        )

    def priced(self, prices: Prices) -> Trial:
        """Return the trial with the air time and the energy that it takes by a table of prices."""
        air, energy = prices.cumulative(self.kinds, self.trained)
        return replace(self, air=air, energy=energy)

    def final(self, what: str = "accuracy") -> float:
        """Accuracy at the end, the mean of the last rounds."""
        return final_accuracy(getattr(self, what).tolist()) or 0.0

    def bytes_to(self, target: float, what: str = "held", cost: str = "wire") -> float:
        """Return a board's bytes until an accuracy reaches a target and stays there for some rounds.

        It is NaN for never, and for a cost that is not known.

        Args:
            target: Accuracy, 0 to 1.
            what: The head whose accuracy it is, by its name.
            cost: "wire", or "air" or "energy" for the seconds or mJ instead of the bytes.
        """
        costs = getattr(self, cost).tolist()
        found = bytes_to(target, getattr(self, what).tolist(), costs) if costs else None
        return float("nan") if found is None else found


Cells = Mapping[Setting, Sequence[Trial]]
"""The trials of each cell, one for each seed, in the same order."""

_ARRAYS = tuple(f.name for f in fields(Trial) if f.name not in ("air", "energy"))  # those that are kept


def grid(axes: Mapping[str, Iterable[Any]]) -> list[Setting]:
    """Return all combinations; the reference codec and the usual first round are always among them."""
    values = {f.name: list(dict.fromkeys(axes[f.name])) for f in fields(Setting)}
    values["strategy"] = list(dict.fromkeys(canonical(name) for name in values["strategy"]))
    values["codec"] = list(dict.fromkeys([REFERENCE, *values["codec"]]))
    values["first_round"] = list(dict.fromkeys([USUAL, *values["first_round"]]))
    return [Setting(*cell) for cell in product(*values.values())]


class Trials:
    """The trials of a sweep, on disk."""

    def __init__(self, directory: Path, config: RunConfig, clients: Mapping[str, int], link: str) -> None:
        """Open a sweep.

        Args:
            directory: Is made where it isn't.
            config: All that the grid does not vary.
            clients: Boards of each task.
            link: Name of the link that decides the bytes.
        """
        directory.mkdir(parents=True, exist_ok=True)
        self._path = directory / TRIALS
        names = [name for name in asdict(config) if name not in {f.name for f in fields(Setting)} | {"seed"}]
        by_rule = [rates.START, rates.FACTOR, rates.rounds_between(config.rounds)]
        others = {
            "link": link,
            "rates_by_rule": by_rule,
            "central": RunConfig.central,
        }  # no trial trains such a head
        self._clients = clients
        self._fixed = {name: getattr(config, name) for name in names} | others
        self._found = dict(self._read())
        if self._path.exists() and not self._path.read_bytes().endswith(b"\n"):
            self._path.write_bytes(self._path.read_bytes() + b"\n")  # cut off by a kill

    def _key(self, setting: Setting, seed: int) -> str:
        varied = {**asdict(setting), "clients": self._clients[setting.data], "seed": seed}
        if setting.first_round == USUAL:
            del varied["first_round"]  # trials of before there was another have no such key
        if not setting.local_epochs:
            varied["epochs_by_rule"] = [rates.EPOCHS, "fewer on whitened features"]
        return json.dumps({**self._fixed, **varied}, sort_keys=True)

    def _read(self) -> Iterator[tuple[str, Trial]]:
        if not self._path.exists():
            return
        for line in self._path.read_text(encoding="utf-8").splitlines():
            try:
                row = json.loads(line)
            except ValueError:
                continue
            if all(name in row for name in _ARRAYS):  # a trial of an older version is made again
                arrays = (np.array(row[name]) for name in _ARRAYS)
                yield json.dumps(row["key"], sort_keys=True), Trial(*arrays)

    def get(self, setting: Setting, seed: int) -> Trial | None:
        """A trial that was made before."""
        return self._found.get(self._key(setting, seed))

    def add(self, setting: Setting, seed: int, trial: Trial) -> None:
        """Keep a trial."""
        key = self._key(setting, seed)
        arrays = {name: getattr(trial, name).tolist() for name in _ARRAYS}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"key": json.loads(key), **arrays}) + "\n")
        self._found[key] = trial


@dataclass(frozen=True)
class Row(Setting):
    """A setting, and its results over all seeds.

    Accuracies in per cent, bytes a board on the wire until the heads that the boards hold have reached 95 or 99 % of
    float32's final accuracy, of a float32 with the same other settings. `host_99` asks it of the host's head instead.
    `air_99` and `energy_99` are the seconds in the air and the mJ of a board until the same: radio, codec, seals and
    training together; NaN on a link that is no BLE link. `ratio_99` is how many times fewer than float32's, geometric
    mean. `worst_change` is the largest loss against float32 of any seed, `reached` how many seeds reached 99 %.

    `instructions` are those of the codec for a head of 64x10, in secure sums with the board's masks.

    What ends with `_best` is against the best float32 of the grid instead (``best_reference``), whose settings the
    `best_` columns say.

    `dp`, `epsilon` and `delta` are those of every trial, empty where boards train without noise. With `sample`, a batch
    size plays no part.
    """

    seeds: int
    accuracy: float
    accuracy_sd: float
    change: float
    worst_change: float
    bytes_95: float
    bytes_99: float
    bytes_99_low: float
    bytes_99_high: float
    reached: int
    ratio_99: float
    ratio_99_low: float
    ratio_99_high: float
    host_99: float
    host_reached: int
    air_99: float
    energy_99: float
    best_epochs: int
    best_rate: float
    best_batch: int
    change_best: float
    bytes_99_best: float
    reached_best: int
    ratio_99_best: float
    ram: int
    instructions: int
    dp: str = ""
    epsilon: float | None = None
    delta: float | None = None


def summarize(setting: Setting, parameters: int, cells: Cells) -> Row:
    """Compare the trials of a setting with those of float32, seed by seed.

    Args:
        setting: The cell.
        parameters: P.
        cells: The trials of all cells, at least one each, of the same seeds in the same order.
    """
    best = best_reference(setting, cells)
    own = cells[setting]
    same, other = Beside(own, cells[setting.reference]), Beside(own, cells[best])
    accuracy = np.array([100 * trial.final() for trial in own])
    to_99, host_99, ratio = same.bytes_to(SHARES[1]), same.bytes_to(SHARES[1], "accuracy"), same.ratio()
    up = codec.find(setting.codec.rpartition("/")[2])
    return Row(
        **asdict(setting), seeds=len(own),
        accuracy=accuracy.mean(), accuracy_sd=accuracy.std(),
        change=same.change.mean(), worst_change=same.change.min(),
        bytes_95=present(same.bytes_to(SHARES[0])).mean(), bytes_99=present(to_99).mean(),
        bytes_99_low=present(to_99).min(), bytes_99_high=present(to_99).max(), reached=reached(to_99),
        ratio_99=geometric(ratio), ratio_99_low=present(ratio).min(), ratio_99_high=present(ratio).max(),
        host_99=present(host_99).mean(), host_reached=reached(host_99),
        air_99=present(same.bytes_to(SHARES[1], cost="air")).mean(),
        energy_99=present(same.bytes_to(SHARES[1], cost="energy")).mean(),
        best_epochs=best.local_epochs, best_rate=best.learning_rate, best_batch=best.batch_size,
        change_best=other.change.mean(), bytes_99_best=present(other.bytes_to(SHARES[1])).mean(),
        reached_best=reached(other.bytes_to(SHARES[1])), ratio_99_best=geometric(other.ratio()),
        ram=codec.board_memory(up, parameters),
        instructions=codec.instructions(setting.codec),
    )  # fmt: skip


def best_reference(setting: Setting, cells: Cells) -> Setting:
    """Return the float32 of the grid that is hardest to beat under what a setting learns.

    Of the local epochs, learning rates and batch sizes that the grid tries, those with which float32 takes the fewest
    bytes to 99 % of the best accuracy that any of them ends with, in the mean over the seeds. The boards' own test
    samples say so. One that fails to get there with some seed is out, unless all do.
    """
    rivals = [rival for rival in cells if rival.is_reference and rival.world == setting.world]
    ends = [np.mean([trial.final("validation") for trial in cells[rival]]) for rival in rivals]
    target = SHARES[1] * float(max(ends))
    costs = [
        np.mean([trial.bytes_to(target, "validation_held") for trial in cells[rival]]) for rival in rivals
    ]
    if np.isnan(costs).all():
        return rivals[int(np.argmax(ends))]
    return rivals[int(np.nanargmin(costs))]


def left_out(cells: Cells) -> dict[str, str]:
    """Return the reason for each codec that can't be recommended, float32 among them, by the boards' own test samples.

    A codec is out whose final accuracy, in the mean over the seeds, is more than half a point below float32's under
    any of its settings; and one that fails with some seed to get to 99 % of float32's, and to stay there.
    """
    found = {}
    for name, groups in _beside_reference(cells).items():
        losses = [
            np.mean([b.final("validation") - a.final("validation") for a, b in pairs]) for pairs in groups
        ]
        costs = [_to_99(own, other, "wire") for pairs in groups for own, other in pairs]
        if max(losses) > TOLERANCE:
            found[name] = f"{100 * max(losses):.1f} points below {REFERENCE}"
        elif np.isnan(costs).any():
            there = np.count_nonzero(np.isfinite(costs))
            found[name] = f"gets to 99 % of {REFERENCE}'s accuracy in {there} of {len(costs)} trials"
    return found


def recommend(cells: Cells, cost: str = "wire") -> str:
    """Choose a codec by the boards' own test samples.

    Of the codecs that are not left out, the one that costs least until the heads that the boards hold have 99 % of
    float32's accuracy, in the geometric mean over all settings.

    Args:
        cells: The trials of all cells, priced.
        cost: One of the values of COSTS.

    Returns:
        The codec's name; an empty string where all are left out.
    """
    out = left_out(cells)
    costs = {
        name: np.mean([np.mean([np.log(_to_99(*pair, cost)) for pair in pairs]) for pairs in groups])
        for name, groups in _beside_reference(cells).items()
        if name not in out
    }
    return min(costs, key=lambda name: costs[name], default="")


def _beside_reference(cells: Cells) -> dict[str, list[list[tuple[Trial, Trial]]]]:
    """Return the trials of each codec beside float32's of the same seeds, a list for each of its settings."""
    found: dict[str, list[list[tuple[Trial, Trial]]]] = {}
    for setting, own in cells.items():
        pairs = list(zip(own, cells[setting.reference], strict=True))
        found.setdefault(setting.codec, []).append(pairs)
    return found


def _to_99(own: Trial, reference: Trial, cost: str) -> float:
    """Return the cost of a trial to 99 % of its reference's final accuracy; NaN if it doesn't stay there."""
    return own.bytes_to(SHARES[1] * reference.final("validation"), "validation_held", cost)


def write_table(path: Path, kind: type[DataclassInstance], rows: Sequence[DataclassInstance]) -> None:
    """Write rows of a kind as CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([f.name for f in fields(kind)])
        for row in rows:
            writer.writerow([_shown(name, value) for name, value in asdict(row).items()])


def _shown(name: str, value: Any) -> Any:
    measured = isinstance(value, float) and name not in ("epsilon", "delta")
    return round(value, 3) if measured else defused(value)
