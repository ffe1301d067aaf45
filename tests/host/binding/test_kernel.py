"""The core's training, through its binding: golden bits, float64, and plain numpy."""

from __future__ import annotations

import numpy as np
import pytest
from golden import floats, read

from bytefed import _core


def trainings() -> list[dict[str, list[list[str]]]]:
    """Return the trainings of sgd.txt: rows by their first word."""
    out: list[dict[str, list[list[str]]]] = []
    for name, *words in read("sgd.txt"):
        if name == "case":
            out.append({})
        out[-1].setdefault(name, []).append(words)
    return out


@pytest.mark.parametrize("training", trainings(), ids=lambda t: "x".join(t["case"][0][:3]))
def test_training(training: dict[str, list[list[str]]]) -> None:
    classes, zero_point = int(training["case"][0][1]), int(training["case"][0][3])
    scale, rate = floats(training["case"][0][4:5])[0], floats(training["case"][0][7:8])[0]
    epochs, batch, seed, round_ = (int(training["case"][0][i]) for i in (5, 6, 8, 9))
    samples = np.array(training["sample"], np.int64)
    x, y = samples[:, 1:].astype(np.int8), samples[:, 0].astype(np.uint8)
    before = floats(training["head"][0])
    head = before.copy()
    loss, correct = _core.train(
        head, x, y, classes, scale=scale, zero_point=zero_point, epochs=epochs, batch=batch, rate=rate, seed=seed,
        round=round_,
        proximal_mu=floats(training["case"][0][10:11])[0],
    )  # fmt: skip
    assert (head.view(np.uint32) == floats(training["after"][0]).view(np.uint32)).all()
    assert ((head - before).view(np.uint32) == floats(training["delta"][0]).view(np.uint32)).all()
    assert np.float32(loss) == floats(training["outcome"][0][:1])[0]
    assert correct == int(training["outcome"][0][1])
    np.testing.assert_allclose(head, [float(v) for v in training["exact"][0]], rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("classes", [2, 3, 9, 10, 11, 20, 21, 64])
def test_logits_are_those_of_numpy(classes: int) -> None:
    rng = np.random.default_rng(classes)
    features = int(rng.integers(1, 70))
    head = rng.normal(0, 1, features * classes + classes).astype(np.float32)
    x = rng.integers(-128, 128, (17, features)).astype(np.int8)
    out = np.empty(17 * classes, np.float32)
    _core.logits(head, x, classes, scale=0.02, zero_point=-5, out=out)
    W, b = head[:-classes].reshape(features, classes).astype(float), head[-classes:]
    expected = 0.02 * (x.astype(float) + 5) @ W + b
    np.testing.assert_allclose(out.reshape(17, classes), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("classes", range(2, 65))
def test_tuned_loops_give_the_bits_of_the_plain_ones(classes: int) -> None:
    rng = np.random.default_rng(classes)
    features = int(rng.integers(1, 40))
    head = rng.normal(0, 1, features * classes + classes).astype(np.float32)
    x = rng.integers(-128, 128, (3, features)).astype(np.int8)
    g = rng.normal(0, 1, classes).astype(np.float32)
    assert _core.kernels_agree(head, x, classes, int(rng.integers(-128, 128)), g)


def test_wrong_shapes_are_refused() -> None:
    x, y = np.zeros((2, 3), np.int8), np.zeros(2, np.uint8)
    how = {"scale": 1.0, "zero_point": 0, "epochs": 1, "batch": 1, "rate": 0.1, "seed": 0, "round": 1}
    with pytest.raises(ValueError, match="another size"):
        _core.train(np.zeros(7, np.float32), x, y, 2, **how)
    with pytest.raises(ValueError, match="label"):
        _core.train(np.zeros(8, np.float32), x, y + 2, 2, **how)
    with pytest.raises(ValueError, match="samples"):
        _core.train(np.zeros(8, np.float32), x[:0], y[:0], 2, **how)
    with pytest.raises(ValueError, match="range"):
        _core.train(np.zeros(4, np.float32), x, y, 1, **how)
