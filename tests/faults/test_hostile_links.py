"""A stranger on sealed links: whatever is replayed, reflected, spliced or injected, the deltas are the same."""

from __future__ import annotations

import random

import pytest
from hostile_link import SETTINGS, try_stranger


@pytest.mark.parametrize("talk", [0.6, 40], ids=["now and then", "a flood"])
@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: "-".join(map(str, setting)))
def test_a_stranger_changes_nothing(setting: tuple[str, int, str], talk: float) -> None:
    seed = random.SystemRandom().getrandbits(32)
    print(f"seed {seed}")  # noqa: T201
    assert try_stranger(seed, *setting, rounds=6, talk=talk) > 10 * talk


@pytest.mark.slow
@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: "-".join(map(str, setting)))
def test_ten_thousand_faults(setting: tuple[str, int, str]) -> None:
    seed = random.SystemRandom().getrandbits(32)
    print(f"seed {seed}")  # noqa: T201
    faults = 0
    while faults < 10_000 // len(SETTINGS):
        faults += try_stranger(seed, *setting, rounds=20)
        seed += 1
