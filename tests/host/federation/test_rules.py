"""The rules of a round: how many take part, how many must deliver, and which head is refused."""

import numpy as np
import pytest

from bytefed.data import Samples, Task
from bytefed.errors import BytefedError, ConfigError, LinkError
from bytefed.extractor.quantization import Quantization
from bytefed.federation.config import RunConfig
from bytefed.federation.rules import Rules, aggregate, initial_head, score, step
from bytefed.seeds import select
from bytefed.strategies.base import FedAvg, Update

HEAD = np.zeros(8, np.float32)
UPDATES = [Update(0, 1, np.ones(8, np.float32))]


def rules(**keys):
    return Rules.of(RunConfig(**keys))


def test_how_many_take_part():
    assert rules(fraction_train=0.4).count(5) == 2
    assert rules(fraction_train=0.0, min_train_nodes=3).count(5) == 3
    assert rules(fraction_train=0.0, min_train_nodes=3).count(2) == 2
    assert rules(seed=7, fraction_train=0.4).choose(3, {4: "d", 0: "a", 9: "x", 2: "b", 3: "c"}) == select(
        7, 3, [0, 2, 3, 4, 9], 2
    )


def test_the_quorum():
    assert [rules(quorum=0.5).needed(asked) for asked in (1, 2, 3, 4)] == [1, 1, 2, 2]
    assert rules(quorum=0.0).needed(9) == 1
    rules(quorum=0.5).require_quorum(2, 2, 4, "Wait.")
    with pytest.raises(LinkError, match="Round 2 has 1 delta and needs 2") as caught:
        rules(quorum=0.5).require_quorum(2, 1, 4, "Wait.")
    assert caught.value.code == "E_QUORUM" and caught.value.remedy == "Wait."


def task():
    samples = Samples(np.eye(4, 3, dtype=np.int8), np.array([0, 1, 0, 1], np.uint8))
    return Task("tiny", samples, samples, 2, Quantization(1.0, 0))


def test_a_head_that_is_not_finite_is_refused():
    head = initial_head(task())
    assert score(task(), 1, head).accuracy == 0.5
    for bad in (np.inf, np.nan, 3e38):
        with pytest.raises(BytefedError, match="E_HEAD_NOT_FINITE"):
            score(task(), 1, np.full_like(head, bad) * np.array([1, -1] * (len(head) // 2), np.float32))


class Returns:
    def __init__(self, make):
        self.aggregate = lambda head, updates: make(head)


@pytest.mark.parametrize(
    "make",
    [
        lambda head: None,
        lambda head: head[:3],
        lambda head: list(head),
        lambda head: head.astype(int),
        lambda head: 5.0,
        lambda head: np.float32(5),
    ],
    ids=["nothing", "too short", "a list", "integers", "a number", "a scalar"],
)
def test_a_strategy_that_returns_no_head_is_refused(make):
    with pytest.raises(ConfigError) as caught:
        aggregate(Returns(make), HEAD, UPDATES)
    assert caught.value.code == "E_STRATEGY_HEAD"
    assert "float32" in caught.value.remedy


def test_a_head_in_double_precision_is_rounded():
    made = aggregate(Returns(lambda head: head + np.float64(0.1)), HEAD, UPDATES)
    assert made.dtype == np.float32


def test_a_strategy_can_not_change_the_head_that_it_is_given():
    def overwrite(head):
        head += 1

    with pytest.raises(ValueError, match="read-only"):
        aggregate(Returns(overwrite), HEAD, UPDATES)
    assert (HEAD == 0).all()


def test_overflow_is_left_for_the_score_to_refuse():
    far = np.full(8, 3e38, np.float32)
    assert np.isinf(step(FedAvg(), far, far.astype(np.float64))).all()
