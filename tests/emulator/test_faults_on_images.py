"""A handful of faults of each kind on exact images; benchmarks/emulated_faults.py makes a thousand.

SKIPPED, with the reason, where .pio/build has no such image or the emulator is not built.
"""

from __future__ import annotations

import asyncio
import random
import sys

import pytest

from bytefed.boards.catalog import BOARDS
from bytefed.boards.nrf52840.builds import find_build
from bytefed.boards.nrf52840.emulator import find_emulator
from bytefed.errors import ConfigError

pytestmark = pytest.mark.slow

TRIALS = 2


@pytest.mark.parametrize("environment", [board.environment for board in BOARDS])
def test_a_board_survives_faults_with_all_that_it_holds(environment: str) -> None:
    try:
        find_emulator()
        find_build(environment)
    except ConfigError as error:
        pytest.skip(f"SKIPPED: {error}")
    from fault_campaign import FAULTS, campaign

    seed = random.SystemRandom().getrandbits(32)
    sys.stdout.write(f"seed {seed}\n")
    wrong = asyncio.run(campaign(environment, list(FAULTS), range(TRIALS), seed, lambda line: print(line)))  # noqa: T201
    assert wrong == {name: [] for name in FAULTS}
