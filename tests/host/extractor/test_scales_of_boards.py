"""Boards multiply the scales of FULLY_CONNECTED in float32, the host in float64: how far that reaches."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bytefed.cli.main import main
from bytefed.errors import ModelError
from bytefed.extractor import board_scales, integers, tflite
from bytefed.extractor.board_scales import layers
from bytefed.extractor.check import check
from bytefed.extractor.dense import Dense, append
from bytefed.extractor.describe import describe
from bytefed.extractor.extractor import GOLDEN, golden_inputs
from bytefed.extractor.fixed_point import rescaled
from bytefed.extractor.quantization import INT8_MAX, INT8_MIN, Quantization
from bytefed.extractor.runtime import Whole, runtime_of

MODELS = sorted((Path(__file__).resolve().parents[3] / "models").glob("*/*.tflite"))


def both(sums: NDArray[np.int64], ratios: Sequence[float], zero_point: int) -> list[NDArray[np.int64]]:
    """Return the codes of sums by the host's product of scales, and by the boards'."""
    return [np.clip(rescaled(sums, np.array([ratio])) + zero_point, INT8_MIN, INT8_MAX) for ratio in ratios]


@pytest.mark.parametrize("file", MODELS, ids=lambda path: path.parent.name)
def test_in_models_that_come_with_bytefed_they_part_at_one_sum_of_a_layer_at_most(file: Path) -> None:
    """Of all sums that an int8 output can tell apart: 13 layers, of 16,813 to 231,659 sums each."""
    graph = check(tflite.read(file.read_bytes()))
    for layer in layers(graph):
        operator = graph.operators[layer.number - 1]
        ratios = integers.ratios(operator)
        most = int(256 / ratios[0]) + 2
        host, board = both(np.arange(-most, most + 1), ratios, operator.output.quantization.zero_point)
        assert (layer.sums, layer.apart) == (2 * most + 1, (host != board).sum())
        assert layer.apart <= 1 and layer.most <= 1
    board_scales.check(graph, golden_inputs(*GOLDEN, graph.input.shape[1:]))


def parting(features: int) -> tuple[bytes, NDArray[np.int64], NDArray[np.int64]]:
    """Return a model whose last layer has biases alone, all at sums at which boards part; host's codes, and boards'."""
    model = next(file for file in MODELS if file.parent.name == "digits_plain").read_bytes()
    graph = check(tflite.read(model))
    source, output = graph.output.quantization, Quantization(0.64924556, 0)
    weight = float(np.float32(1.2616121e-05))
    ratios = (
        source.scale * weight / output.scale,
        float(np.float32(source.scale) * np.float32(weight)) / output.scale,
    )
    steps = (np.arange(-110, 110) + 0.5) / ratios[0]
    sums = np.unique((np.rint(steps)[:, np.newaxis] + np.arange(-300, 301)).astype(np.int64))
    host, board = both(sums, ratios, 0)
    apart = np.flatnonzero(host != board)[:features]
    assert len(apart) == features
    size = graph.output.size
    layer = Dense(np.zeros((features, size), np.int8), sums[apart].astype(np.int32), weight, source, output)
    return append(model, layer), host[apart], board[apart]


def test_the_host_multiplies_them_in_float64() -> None:
    """Biases alone make sums at which the two part, where scales are small enough."""
    made, host, board = parting(250)
    graph = check(tflite.read(made))
    zeros = np.zeros(graph.input.shape, np.int8)
    for runtime in (runtime_of(made), Whole.of(made)):
        assert np.array_equal(np.ravel(runtime.run(zeros)), host)
    assert np.array_equal(integers.run(graph, zeros, on_boards=True)[0], board)


def test_a_model_is_refused_whose_golden_values_no_board_would_compute() -> None:
    """Every feature is one step off, for every input: no other golden values would do either."""
    with pytest.raises(ModelError) as refused:
        describe("parts", parting(250)[0], ["a", "b"])
    assert refused.value.code == "E_MODEL_SCALES"
    assert "8,000 of 8,000 features" in refused.value.message


def test_all_sums_at_which_a_layer_may_part_are_counted() -> None:
    """Scales of others, of all sizes: what is looked at next to halves is what all sums say."""
    draw = np.random.default_rng(5)
    for _ in range(40):
        source, weight, output = (np.float32(10.0**power) for power in draw.uniform((-3, -4, -3), (0, -1, 1)))
        ratios = (float(source) * float(weight) / float(output), float(source * weight) / float(output))
        most = min(int(256 / ratios[0]) + 2, 1_000_000)
        host, board = both(np.arange(-most, most + 1), ratios, 3)
        near = board_scales.near_halves(ratios[0], most)
        host_near, board_near = both(near, ratios, 3)
        assert (host != board).sum() == (host_near != board_near).sum()


def test_adding_a_model_says_where_boards_may_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BYTEFED_MODELS", str(tmp_path))
    file = next(file for file in MODELS if layers(check(tflite.read(file.read_bytes())))[-1].apart)
    words = ["model", "add", str(file), "--classes", "3", "--name"]
    assert main([*words, "told"]) == 0
    assert "boards may part from this computer in operator" in capsys.readouterr().out
    assert main([*words, "scripts", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["dense_layers"][-1]["apart"] == 1
