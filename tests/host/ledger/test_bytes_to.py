"""Bytes to an accuracy are one figure, wherever it is shown."""

from __future__ import annotations

import pytest

from bytefed.ledger.bytes_to import bytes_to, final_accuracy


def test_a_target_has_to_be_reached_to_stay():
    accuracy = [0.1, 0.9, 0.2, 0.8, 0.9, 0.9, 0.9, None]
    wire = list(range(10, 90, 10))
    assert bytes_to(0.9, accuracy, wire) == 50
    assert bytes_to(0.8, accuracy, wire) == 40
    assert bytes_to(0.95, accuracy, wire) is None
    assert bytes_to(0.9, [0.9, 0.9], [1, 2]) is None


def test_the_end_is_the_mean_of_the_last_rounds():
    assert final_accuracy([0.1] * 20 + [0.5, 0.9, 0.9, 0.9, 0.9]) == pytest.approx(0.82)
    assert final_accuracy([0.1] * 8 + [0.7, 0.9]) == pytest.approx(0.8)
    assert final_accuracy([0.1, 0.9]) == 0.9
    assert final_accuracy([None, 0.5]) == 0.5
    assert final_accuracy([]) is None
