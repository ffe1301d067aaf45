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
    assert len(watch.samples) == 40
    assert last["participants"] > 60
    assert last["descriptors"] <= first["descriptors"]
    assert last["memory"] < first["memory"] + 8 * 1024


@pytest.mark.parametrize("head", [(256, 10), (64, 10)])
def test_goodput_at_five_percent_loss(head):
    """At 115,200 baud; the time-out's floor is what real serial ports have."""
    got = measure(*head, 11_520, 0.05)
    assert got.by_bytes > 0.8
    assert got.by_time > 0.8
