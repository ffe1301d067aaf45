"""Long runs over bad links: nothing grows, and lossy lines are used well."""

from __future__ import annotations

from pathlib import Path

import pytest
from goodput import measure
from soak import soak


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc to see memory and descriptors")
def test_nothing_grows(tmp_path):
    watch = soak(tmp_path, boards=64, rounds=40)
    first, *_, last = watch.quarters()
    assert (watch.samples[:, 0] > 1).all()  # a row for each round
    assert last["participants"] > 60
    assert last["descriptors"] <= first["descriptors"]
    assert last["memory"] < first["memory"] + 8 * 1024


@pytest.mark.parametrize(("framing", "rate"), [("serial", 11_520), ("serial", 100_000), ("ble", 20_000)])
@pytest.mark.parametrize("head", [(256, 10), (64, 10)])
@pytest.mark.parametrize("sealed", [True, False], ids=["sealed", "open"])
def test_goodput_at_five_percent_loss(head: tuple[int, int], framing, rate, sealed):
    """At 115,200 baud, over USB and BLE; time-outs are those of real ports."""
    got = measure(*head, rate, 0.05, framing=framing, rounds=20, sealed=sealed)
    assert got.by_bytes > 0.8
    assert got.by_time > 0.8
