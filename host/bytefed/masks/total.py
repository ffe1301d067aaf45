"""The sum of a round, masks taken off, and the mean delta and statistics that it stands for (SPEC.md section 11.3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bytefed import codec
from bytefed.masks.form import SEED, Form, Hidden

_SIZE_UNIT = 4096
_LOSS_UNIT = 256
_ONEBIT_SCALE = b"\x00\x42"  # 32 as bfloat16: mixed levels are then divided by 1
_LEAST_STEP, _MOST_STEP = 2.0**-64, 2.0**64
_REACH = 16.0  # that float32 deltas have at least
_STEPS = {"onebit": 1.0, "twobit": 0.624, "int8": 0.04}
"""The best step of a normal distribution, in means of absolute values (Max 1960); for int8, levels up to ten means."""


@dataclass(frozen=True)
class Hide:
    """The plan that the masked rounds of one setup share, and the step of the round.

    Attributes:
        boards: Boards in the sum, as MASK says it.
        reference: Training samples of a board whose delta counts once; 1 with shares of noise.
        step: The step of lanes, a float32.
        shares: Whether each board adds a share of noise, and counts once.
    """

    boards: int
    reference: int
    step: float
    shares: bool = False


@dataclass(frozen=True, eq=False)
class Total:
    """The sum over the boards of a round.

    Attributes:
        mean: float64 [P], the mean of the deltas, weighted by samples; of boards alike, with shares of noise.
        examples: Samples that all trained on; the number of boards, with shares of noise.
        size: Mean of the absolute values that were to be quantised, over values and boards.
        loss: Mean loss over all samples; None without statistics.
        correct: Samples that boards classified correctly in training, likewise.
        test_correct: Test samples that the round's head classified correctly, likewise.
    """

    mean: NDArray[np.float64]
    examples: int
    size: float
    loss: float | None
    correct: int | None
    test_correct: int | None


def uncover(
    form: Form, blobs: Iterable[bytes], added: Iterable[bytes], subtracted: Iterable[bytes]
) -> Hidden:
    """Add hidden deltas, and take the masks off that don't cancel.

    Args:
        form: The form of the deltas.
        blobs: The hidden deltas.
        added: The keys of masks that are in the sum.
        subtracted: The keys of masks that were subtracted from it.
    """
    total = Hidden.nothing(form)
    for blob in blobs:
        total = total.plus(form.read(blob))
    for key in added:
        total = total.minus(form.mask(key))
    for key in subtracted:
        total = total.plus(form.mask(key))
    return total


def read_total(total: Hidden, hide: Hide, boards: int, number: int) -> Total:
    """Read what a sum stands for.

    Args:
        total: The sum, without masks.
        hide: As the boards were told.
        boards: Number of boards in the sum, at least 1.
        number: The round.
    """
    examples, size, *told = (int(word) for word in total.words)
    loss, correct, test_correct = told or (None, None, None)
    values = _values(total, boards, number) * hide.step
    return Total(
        values * (hide.reference / max(1, examples)),
        examples,
        size * hide.step / _SIZE_UNIT / boards,
        None if loss is None else loss / _LOSS_UNIT / max(1, examples),
        correct,
        test_correct,
    )


def _values(total: Hidden, boards: int, number: int) -> NDArray[np.float64]:
    """Return the sum of what boards encoded, in steps: float64 [P].

    The rotation is linear, so it is undone for each bit of the lanes' sums by the codec that has one bit, the core's
    own; all numbers are whole and small, so nothing is rounded.
    """
    form = total.form
    if not form.levels:
        return total.lanes.astype(np.uint32).view(np.int32).astype(np.float64)
    bits, seed = form.bits, codec.uplink_seed(SEED, number)
    lanes, lowest, unit = total.lanes, form.levels * boards, 1.0
    if form.shares:  # two's complement, in whole steps
        lanes, lowest, unit = lanes ^ np.uint64(2 ** (bits - 1)), 2**bits, 0.5
    values = np.zeros(form.parameters, np.float64)
    for bit in range(bits):
        values += 2.0**bit * _unmixed((lanes >> np.uint64(bit)) & np.uint64(1), form.parameters, seed)
    rest = 2**bits - 1 - lowest  # bits count from -(2^bits - 1) on, lanes from -lowest
    values += rest * _unmixed(np.ones(form.lanes, np.uint64), form.parameters, seed)
    return values * (unit / 32.0)


def _unmixed(bits: NDArray[np.uint64], parameters: int, seed: int) -> NDArray[np.float64]:
    blob = _ONEBIT_SCALE + np.packbits(bits.astype(np.uint8), bitorder="little").tobytes()
    return codec.find("onebit").decode(blob, parameters, seed).astype(np.float64)


def next_step(codec_up: str, boards: int, size: float) -> float:
    """Return the step for values of that mean size, a float32 within the bounds of SPEC.md section 11.2.

    Args:
        codec_up: A key of CODECS.
        boards: Boards in the sum.
        size: Mean of the values' absolute values.
    """
    if codec_up in _STEPS:
        step = size * _STEPS[codec_up]
    else:
        step = max(_REACH, _SIZE_UNIT * size) / 2.0 ** (31 - boards.bit_length())
    return float(np.float32(min(max(step, _LEAST_STEP), _MOST_STEP)))
