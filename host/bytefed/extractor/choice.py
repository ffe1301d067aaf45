"""The guard of whitening: whether it pays, and with which settings, found by cross-validation.

Whitening is no gain everywhere: where few samples have many features, the spread within labels is guessed badly, and
the head ends worse than on the plain features. So heads are trained with both on samples that were put aside, as boards
train them (the core's own kernel on int8 features, from zero), and what they get right decides.

Settings come from tasks other than those that docs/whitening.md judges them by, and that page says how well they did:

- A head learns for PASSES passes, long enough to converge at RATE on plain features, which learn slowly: comparing
  earlier would count speed as accuracy.
- Whitening has to be better than plain features by MARGIN standard errors: among several settings the best is best
  partly by luck.
- Fewer directions have to be better than more by a whole standard error (the rule of Breiman et al., "Classification
  and Regression Trees", 1984, the other way round): they often look good to heads with the few samples of a
  cross-validation, and lack what more samples would have found.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bytefed import _core
from bytefed.errors import DataError, counted
from bytefed.extractor.dense import Dense, append
from bytefed.extractor.extractor import Extractor
from bytefed.extractor.quantization import Quantization
from bytefed.extractor.whiten import Whitening, fit
from bytefed.head import parameters

SHRINKAGES = (0.05, 0.3)
DIRECTIONS = (24, 32)
FOLDS = 5
REPEATS = 4
"""Divisions into folds, each by a seed of its own: one alone gives figures that depend on luck."""
PASSES, BATCH, RATE = 100, 8, 0.05
MARGIN = 0.5
MOST_SAMPLES = 2000
"""How many samples a cross-validation takes at most; more would take minutes and say the same."""
LEAST_SAMPLES = 30


@dataclass(frozen=True, eq=False)
class Fold:
    """One split of a cross-validation.

    Attributes:
        codes: int8 [n, D], plain features.
        quantization: Their meaning.
        labels: uint8 [n].
        whiten: Indices of the samples that the whitening is made of.
        learn: Indices of the samples that heads learn from.
        test: Indices of the samples that heads are tested on; none of the others.
    """

    codes: NDArray[np.int8]
    quantization: Quantization
    labels: NDArray[np.uint8]
    whiten: NDArray[np.integer[Any]]
    learn: NDArray[np.integer[Any]]
    test: NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Choice:
    """The result of a cross-validation.

    Attributes:
        samples: Number of samples that were tested on, each counted once.
        plain: Fraction that heads on plain features got right, 0 to 1.
        tried: (d, a) -> the same on features whitened with that setting.
    """

    samples: int
    plain: float
    tried: Mapping[tuple[int, float], float]

    @property
    def setting(self) -> tuple[int, float]:
        """The setting chosen, (d, a): with the most directions, unless fewer are better by a standard error.

        For each d the best a counts, the smallest of equal ones.
        """
        at_best = [
            max((s for s in self.tried if s[0] == d), key=lambda s: (self.tried[s], -s[1]))
            for d in sorted({d for d, _ in self.tried}, reverse=True)
        ]
        chosen = at_best[0]
        for fewer in at_best[1:]:
            better, most = self.tried[fewer], self.tried[chosen]
            if better > most + self._error(most):
                chosen = fewer
        return chosen

    @property
    def whitened(self) -> float:
        """Fraction that heads on features whitened with the setting chosen got right, 0 to 1."""
        return self.tried[self.setting]

    @property
    def needed(self) -> float:
        """The fraction right that whitened features have to reach."""
        return self.plain + MARGIN * self._error(self.plain)

    @property
    def pays(self) -> bool:
        """Whether to whiten."""
        return self.whitened >= self.needed

    def _error(self, fraction: float) -> float:
        """Return the standard error of a fraction of the samples."""
        return math.sqrt(fraction * (1 - fraction) / self.samples)

    def document(self) -> dict[str, Any]:
        """Return what manifests and `--json` say of it; accuracies in per cent."""
        return {
            "pays": self.pays,
            "shrinkage": self.setting[1],
            "directions": self.setting[0],
            "plain_accuracy": round(100 * self.plain, 2),
            "whitened_accuracy": round(100 * self.whitened, 2),
            "needed_accuracy": round(100 * self.needed, 2),
            "samples": self.samples,
            "tried": [
                {"directions": d, "shrinkage": a, "accuracy": round(100 * accuracy, 2)}
                for (d, a), accuracy in self.tried.items()
            ],
        }


def choose(folds: Iterable[Fold], samples: int) -> Choice:
    """Try plain features and all settings on all folds.

    Args:
        folds: The splits, at least one.
        samples: Number of different samples among all that are tested on.

    Raises:
        DataError: E_DATA_WHITEN, as `fit` raises it.
    """
    tested, plain = 0, 0
    right: dict[tuple[int, float], int] = {}
    for fold in folds:
        classes, own = int(fold.labels.max()) + 1, fold.codes[fold.whiten]
        tested += len(fold.test)
        plain += int(heads_right(fold, fold.codes, fold.quantization, classes).sum())
        for a in SHRINKAGES:
            tried = directions_of(own.shape[1])
            most = fit(
                fold.quantization.dequantize(own), fold.labels[fold.whiten], shrinkage=a, directions=tried[-1]
            )
            for d in tried:
                layer = _layer(most.first(d), own, fold.quantization)
                found = int(heads_right(fold, layer.apply(fold.codes), layer.output, classes).sum())
                right[d, a] = right.get((d, a), 0) + found
    return Choice(samples, plain / tested, {setting: found / tested for setting, found in right.items()})


def directions_of(D: int) -> list[int]:
    """Return the numbers of directions to try for D features, ascending."""
    return sorted({min(d, D) for d in DIRECTIONS})


def layer_of(
    codes: NDArray[np.int8],
    quantization: Quantization,
    labels: NDArray[np.uint8],
    *,
    shrinkage: float,
    directions: int,
) -> Dense:
    """Return the int8 layer that whitens features.

    Args:
        codes: int8 [n, D], the samples that it is made of.
        quantization: Their meaning.
        labels: uint8 [n].
        shrinkage: a, above 0 and at most 1.
        directions: d, 1 to D.

    Raises:
        DataError: E_DATA_WHITEN, as `fit` raises it.
    """
    made = fit(quantization.dequantize(codes), labels, shrinkage=shrinkage, directions=directions)
    return _layer(made, codes, quantization)


def whitened(
    model: bytes,
    codes: NDArray[np.int8],
    quantization: Quantization,
    labels: NDArray[np.uint8],
    found: Choice,
) -> bytes:
    """Return a model with the layer that was chosen behind it; the model as it is where none pays.

    Args:
        model: The .tflite file.
        codes: int8 [n, D], its features of the samples that the layer is made of.
        quantization: Their meaning.
        labels: uint8 [n].
        found: The choice.

    Raises:
        DataError: E_DATA_WHITEN, as `fit` raises it.
    """
    if not found.pays:
        return model
    directions, shrinkage = found.setting
    layer = layer_of(codes, quantization, labels, shrinkage=shrinkage, directions=directions)
    return append(model, layer)


def _layer(whitening: Whitening, codes: NDArray[np.int8], quantization: Quantization) -> Dense:
    return Dense.of(whitening.matrix, -whitening.mean @ whitening.matrix, quantization, codes)


def folds_of(
    codes: NDArray[np.int8],
    quantization: Quantization,
    labels: NDArray[np.uint8],
    groups: NDArray[np.integer[Any]] | None = None,
) -> tuple[list[Fold], int]:
    """Return the splits of samples, and how many samples they use: REPEATS times FOLDS, stratified.

    Whitening and heads both get what is not tested on.

    Args:
        codes: int8 [n, D].
        quantization: Their meaning.
        labels: uint8 [n].
        groups: integers [n], the recording of each sample, which is never divided; None if each stands alone.

    Raises:
        DataError: E_DATA_WHITEN for too few samples.
    """
    if len(labels) > MOST_SAMPLES:
        kept = np.sort(np.random.RandomState(REPEATS).permutation(len(labels))[:MOST_SAMPLES])
        codes, labels, groups = codes[kept], labels[kept], None if groups is None else groups[kept]
    counts = np.bincount(labels)
    if len(labels) < LEAST_SAMPLES or (counts > 0).sum() < 2 or counts[counts > 0].min() < 2:
        raise DataError(
            "E_DATA_WHITEN",
            f"{counted(len(labels), 'sample')} of {counted(int((counts > 0).sum()), 'label')} are too few to "
            "try whitening on.",
            f"Give at least two labels, and several samples of each: {LEAST_SAMPLES} rows are the least that is tried, "
            "and more of them judge better.",
        )
    folds = []
    for seed in range(REPEATS):
        number = stratified(labels, groups, seed)
        for fold in range(FOLDS):
            rest, test = np.flatnonzero(number % FOLDS != fold), np.flatnonzero(number % FOLDS == fold)
            if len(test):
                folds.append(Fold(codes, quantization, labels, rest, rest, test))
    return folds, len(labels)


def network_folds(
    made: Callable[[NDArray[np.float32], NDArray[np.uint8]], bytes],
    inputs: NDArray[np.float32],
    labels: NDArray[np.uint8],
    groups: NDArray[np.integer[Any]] | None,
    *,
    seen: Sequence[int],
    seed: int,
    among: int = FOLDS,
    trials: int = FOLDS,
) -> Iterator[Fold]:
    """Yield splits of an extractor's part, each with a network that saw all of its folds but two.

    Heads learn from one of the two and are tested on the other, with all labels: so both are strangers to the network,
    as boards' samples are. On samples that it has seen, plain features look better than they are.

    Args:
        made: Inputs and labels -> the .tflite file of a network that was trained on them.
        inputs: float32 [n, ...].
        labels: uint8 [n].
        groups: integers [n], the recording of each sample, which is never divided; None if each stands alone.
        seen: Labels that networks are trained on.
        seed: Seed of the division into folds.
        among: Number of folds, 3 at least.
        trials: Number of splits to try, at most as many as folds.
    """
    number = stratified(labels, groups, seed) % among
    for fold in range(trials):
        learn, test = number == (fold + 1) % among, number == fold
        own = ~learn & ~test & np.isin(labels, np.array(seen))
        extractor = Extractor(made(inputs[own], labels[own]))
        codes = extractor.extract(extractor.quantize(inputs))
        parts = (np.flatnonzero(part) for part in (own, learn, test))
        yield Fold(codes, extractor.quantization, labels, *parts)


def held_out(
    codes: NDArray[np.int8],
    quantization: Quantization,
    labels: NDArray[np.uint8],
    groups: NDArray[np.integer[Any]],
) -> NDArray[np.bool_]:
    """Return which samples heads get right that learned from other recordings alone, bool [n].

    Args:
        codes: int8 [n, D], features by a network that has seen none of the samples.
        quantization: Their meaning.
        labels: uint8 [n].
        groups: integers [n], the recording of each sample.
    """
    number = stratified(labels, groups, 0) % FOLDS
    right = np.zeros(len(labels), np.bool_)
    for fold in np.unique(number):
        rest, test = np.flatnonzero(number != fold), np.flatnonzero(number == fold)
        split = Fold(codes, quantization, labels, rest, rest, test)
        right[test] = heads_right(split, codes, quantization, int(labels.max()) + 1)
    return right


def stratified(
    labels: NDArray[np.integer[Any]], groups: NDArray[np.integer[Any]] | None, seed: int
) -> NDArray[np.int64]:
    """Number the samples (or groups) of each label in a random order, so that a remainder makes a stratified fold.

    Args:
        labels: integers [n]; the first sample of a group gives the group's.
        groups: integers [n]; None if each sample stands alone.
        seed: Seed of the order.

    Returns:
        int64 [n], from 0 in each label, where each label begins at an offset of its own.
    """
    members = np.arange(len(labels)) if groups is None else groups
    names, firsts, member = np.unique(members, return_index=True, return_inverse=True)
    random = np.random.RandomState(seed)
    number = np.empty(len(names), np.int64)
    begin = 0
    for label in np.unique(labels[firsts]):
        mine = random.permutation(np.flatnonzero(labels[firsts] == label))
        # Labels begin at different folds, or rare ones would all be tested in the first.
        number[mine] = begin + np.arange(len(mine))
        begin = (begin + len(mine)) % FOLDS
    return np.asarray(number[member.reshape(-1)], np.int64)


def heads_right(
    fold: Fold, codes: NDArray[np.int8], quantization: Quantization, classes: int
) -> NDArray[np.bool_]:
    """Train a head on features and return which test samples it gets right, bool [len(fold.test)]."""
    D = codes.shape[1]
    head = np.zeros(parameters(D, classes), np.float32)
    _core.train(
        head, np.ascontiguousarray(codes[fold.learn]), fold.labels[fold.learn], classes,
        scale=quantization.scale, zero_point=quantization.zero_point,
        epochs=PASSES, batch=BATCH, rate=RATE, seed=1, round=1,
    )  # fmt: skip
    logits = quantization.dequantize(codes[fold.test]) @ head[: D * classes].reshape(D, classes)
    guesses = (logits + head[D * classes :]).argmax(axis=1)
    return np.asarray(guesses == fold.labels[fold.test])
