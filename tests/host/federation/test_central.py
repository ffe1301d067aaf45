"""The central reference: its gradient, its score, and that it learns."""

from __future__ import annotations

import asyncio
import json
from itertools import count, pairwise, repeat

import numpy as np
import pytest

from bytefed.cli.main import main
from bytefed.cli.terminal import result_line
from bytefed.data import Samples, Task
from bytefed.extractor.quantization import Quantization
from bytefed.federation import evaluation as central
from bytefed.federation import experiment
from bytefed.federation.config import RunConfig
from bytefed.report import run_files
from bytefed.report.key_figures import key_figures


def toy(n: int = 200, D: int = 6, C: int = 3, noise: float = 0.2, seed: int = 0) -> Task:
    """Points around C corners, as int8 with a zero point that is not 0."""
    random = np.random.RandomState(seed)
    labels = random.randint(0, C, 2 * n).astype(np.uint8)
    real = np.eye(C, D)[labels] + noise * random.normal(size=(2 * n, D))
    code = Quantization.covering(float(real.min()), float(real.max()))
    codes = code.quantize(real)
    return Task("toy", Samples(codes[:n], labels[:n]), Samples(codes[n:], labels[n:]), C, code)


def loss(task: Task, head: np.ndarray, samples: Samples) -> float:
    """Mean cross-entropy in float64, written down independently."""
    features = task.quantization.scale * (samples.features.astype(float) - task.quantization.zero_point)
    weights, biases = head[: task.D * task.num_classes].reshape(task.D, -1), head[-task.num_classes :]
    logits = features @ weights + biases
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return float(-np.log(chances[np.arange(len(samples)), samples.labels]).mean())


def test_one_step_follows_the_numeric_gradient():
    task = toy(n=16)
    rate = 0.1
    head = central.train(task, task.federated, epochs=1, batch_size=16, learning_rate=rate, seed=0)
    zero, step = np.zeros(len(head)), 1e-5
    gradient = [
        (loss(task, zero + unit, task.federated) - loss(task, zero - unit, task.federated)) / (2 * step)
        for unit in step * np.eye(len(head))
    ]
    assert head.dtype == np.float32
    assert head.shape == (task.D * task.num_classes + task.num_classes,)
    np.testing.assert_allclose(head, -rate * np.array(gradient), atol=1e-6)


def test_the_last_batch_may_be_shorter():
    task = toy(n=10)
    whole = central.train(task, task.federated, epochs=1, batch_size=10, learning_rate=0.1, seed=3)
    larger = central.train(task, task.federated, epochs=1, batch_size=64, learning_rate=0.1, seed=3)
    assert np.array_equal(whole, larger)
    split = central.train(task, task.federated, epochs=1, batch_size=7, learning_rate=0.1, seed=3)
    assert not np.array_equal(whole, split)


def test_score_is_what_the_definition_says():
    task = toy()
    head = np.random.RandomState(5).normal(size=task.D * 3 + 3).astype(np.float32)
    score = central.evaluate(task, head, task.test)
    assert score.loss == pytest.approx(loss(task, head, task.test), rel=1e-5)
    assert 0.0 <= score.accuracy <= 1.0


def test_an_untrained_head_knows_nothing():
    task = toy()
    score = central.evaluate(task, np.zeros(task.D * 3 + 3, np.float32), task.test)
    assert score.loss == pytest.approx(np.log(3), rel=1e-6)
    assert score.accuracy == pytest.approx(float((task.test.labels == 0).mean()))


def test_it_learns_and_a_seed_repeats_it():
    task = toy()
    heads = [
        central.train(task, task.federated, epochs=30, batch_size=8, learning_rate=0.1, seed=seed)
        for seed in (1, 1, 2)
    ]
    assert np.array_equal(heads[0], heads[1])
    assert not np.array_equal(heads[0], heads[2])
    assert central.evaluate(task, heads[0], task.test).accuracy > 0.97


def test_it_trains_until_its_loss_hardly_falls():
    task, seen = toy(noise=0.6), []

    def noted(heads):
        for head in heads:
            seen.append(head)
            yield head

    how = {"batch_size": 8, "learning_rate": 0.1, "seed": 1}
    head = central.converged(task, task.federated, noted(central.passes(task, task.federated, **how)))
    losses = [loss(task, one, task.federated) for one in seen[central.PERIOD - 1 :: central.PERIOD]]
    assert head is seen[-1]
    assert 2 <= len(losses) < central.MOST_PASSES / central.PERIOD
    falls = [after / before for before, after in pairwise(losses)]
    assert all(fall < 1 - central.FALL for fall in falls[:-1])
    assert falls[-1] >= 1 - central.FALL


def test_it_ends_where_the_loss_falls_for_ever_and_where_it_diverges():
    task, passed = toy(noise=0.0), count()
    heads = central.passes(task, task.federated, batch_size=8, learning_rate=0.1, seed=1)
    central.converged(task, task.federated, (head for head, _ in zip(heads, passed, strict=False)))
    assert next(passed) == central.MOST_PASSES
    nothing = np.full(task.D * 3 + 3, np.nan, np.float32)
    with np.errstate(invalid="ignore"):
        assert central.converged(task, task.federated, repeat(nothing)) is nothing


def test_the_reference_does_not_move_with_the_rounds(tmp_path):
    keys = {"boards": ("loopback:2",), "local_epochs": 1, "seed": 2}
    found = [
        asyncio.run(
            experiment.begin(RunConfig(rounds=rounds, **keys), tmp_path / str(rounds), lambda _: None)
        )
        for rounds in (1, 3)
    ]
    assert found[0]["accuracy_central"] == found[1]["accuracy_central"] > found[0]["accuracy_final"]


NOISE = ["--boards", "loopback:3", "--rounds", "1", "--dp", "sample", "--epsilon", "4", "--delta", "1e-4"]


def test_beside_noise_no_head_is_trained_on_samples_without_it_unless_that_is_asked_for(tmp_path, capsys):
    pytest.importorskip("dp_accounting", reason="needs the extra privacy")
    assert main(["run", *NOISE, "--run-dir", str(tmp_path / "run")]) == 0
    assert "not trained, for it would tell of samples without noise" in " ".join(
        capsys.readouterr().out.split()
    )
    summary = json.loads((tmp_path / "run/summary.json").read_text())
    assert summary["accuracy_central"] is None and summary["config"]["central"] is False


def test_where_that_is_asked_for_it_is_said_to_be_without_noise(tmp_path, capsys):
    pytest.importorskip("dp_accounting", reason="needs the extra privacy")
    assert main(["run", *NOISE, "--central", "--run-dir", str(tmp_path / "run")]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "one head trained on all boards' samples together, without noise: no part of the claim" in shown
    summary = json.loads((tmp_path / "run/summary.json").read_text())
    assert f"(central {100 * summary['accuracy_central']:.1f} %, without noise)" in result_line(summary)
    [tile, *_] = key_figures(run_files.load(tmp_path / "run"))
    assert "when trained centrally, without noise: no part of the claim" in tile.note


def test_large_logits_do_not_overflow():
    task = toy(noise=0.0)
    head = np.full(task.D * 3 + 3, 1e4, np.float32)
    head[::3] = -1e4
    assert np.isfinite(central.evaluate(task, head, task.test).loss)


def test_where_boards_hold_very_many_heads_some_stand_for_all():
    scored = []

    def accuracy(version):
        scored.append(version)
        return version / 1000

    few = central.mean_over_boards(np.arange(central.MOST_HEADS), 1, accuracy)
    assert (len(scored), few) == (central.MOST_HEADS, pytest.approx(0.0495))
    many = central.mean_over_boards(np.arange(1000), 1, accuracy)
    assert len(scored) == 2 * central.MOST_HEADS
    assert many == pytest.approx(0.5, abs=0.1)
    assert (
        many
        == central.mean_over_boards(np.arange(1000), 1, accuracy)
        != central.mean_over_boards(np.arange(1000), 2, accuracy)
    )
    assert central.mean_over_boards(np.array([5, 0, 5, 5]), 1, accuracy) == pytest.approx(0.00375)
