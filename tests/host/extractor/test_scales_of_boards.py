"""Boards multiply the scales of FULLY_CONNECTED in float32, the host in float64: how far that reaches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bytefed.extractor import tflite
from bytefed.extractor.check import check
from bytefed.extractor.dense import Dense, append
from bytefed.extractor.fixed_point import rescaled
from bytefed.extractor.quantization import INT8_MAX, INT8_MIN, Quantization
from bytefed.extractor.runtime import Whole, runtime_of

MODELS = sorted((Path(__file__).resolve().parents[3] / "models").glob("*/*.tflite"))


def both(
    sums: NDArray[np.int64], source: float, weight: float, output: Quantization
) -> list[NDArray[np.int64]]:
    """Return the codes of sums by the host's product of scales, and by the boards'."""
    s, w, o = np.float32(source), np.float32(weight), float(np.float32(output.scale))
    ratios = (float(s) * float(w) / o, float(s * w) / o)
    return [
        np.clip(rescaled(sums, np.array([ratio])) + output.zero_point, INT8_MIN, INT8_MAX) for ratio in ratios
    ]


@pytest.mark.parametrize("file", MODELS, ids=lambda path: path.parent.name)
def test_in_models_that_come_with_bytefed_they_part_at_one_sum_of_a_layer_at_most(file: Path) -> None:
    """Of all sums that an int8 output can tell apart: 13 layers, of 16,813 to 231,659 sums each."""
    layers = [
        each for each in check(tflite.read(file.read_bytes())).operators if each.name == "FULLY_CONNECTED"
    ]
    for layer in layers:
        source, weight = layer.activation().scales[0], layer.constant(1, int8=True).scales[0]
        output = layer.output.quantization
        most = int(256 * output.scale / (source * weight)) + 2
        host, board = both(np.arange(-most, most + 1, dtype=np.int64), source, weight, output)
        assert np.abs(host - board).max() <= 1
        assert (host != board).sum() <= 1, (file, most)


def test_the_host_multiplies_them_in_float64() -> None:
    """Biases alone make sums at which the two part, where scales are small enough."""
    model = next(file for file in MODELS if file.parent.name == "digits_plain").read_bytes()
    graph = check(tflite.read(model))
    source, output = graph.output.quantization, Quantization(0.64924556, 0)
    weight = float(np.float32(1.2616121e-05))
    steps = (np.arange(-110, 110) + 0.5) * output.scale / (source.scale * weight)
    sums = np.unique((np.rint(steps)[:, np.newaxis] + np.arange(-300, 301)).astype(np.int64))
    host, board = both(sums, source.scale, weight, output)
    apart = np.flatnonzero(host != board)[:250]
    assert len(apart) == 250
    layer = Dense(
        np.zeros((250, graph.output.size), np.int8), sums[apart].astype(np.int32), weight, source, output
    )
    made, zeros = append(model, layer), np.zeros(graph.input.shape, np.int8)
    for runtime in (runtime_of(made), Whole.of(made)):
        assert np.array_equal(np.ravel(runtime.run(zeros)), host[apart])
