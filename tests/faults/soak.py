"""A long run of many virtual boards over bad links, on a virtual clock: does anything grow?

The coordinator, the store, the CSV files and the boards are the real ones, all in this process.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
from virtual_time import run

from bytefed.events import Event, RoundClosed
from bytefed.federation import experiment
from bytefed.federation.config import RunConfig

FAULTS = "drop=0.02,corrupt=0.01,duplicate=0.01,garbage=0.005,cut=0.0005,seed=1"
D, C = 6, 3
_PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024


MEASURES = ("memory", "descriptors", "seconds", "participants")


class Soak:
    """Measures the process after each round: KB resident, open descriptors, seconds of the processor since the round
    before, boards whose delta counted.

    Args:
        rounds: Number of rounds; their rows are there from the start, so that measuring takes no memory.
    """

    def __init__(self, rounds: int) -> None:
        self.samples = np.ones((rounds, len(MEASURES)))
        self._before = time.process_time()

    def __call__(self, event: Event) -> None:
        """Take an event of the run."""
        if not isinstance(event, RoundClosed):
            return
        now = time.process_time()
        resident = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1]) * _PAGE_KB
        descriptors = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
        self.samples[event.round - 1] = resident, descriptors, now - self._before, event.participants
        self._before = now

    def quarters(self) -> list[dict[str, float]]:
        """The medians of each quarter of the run."""
        return [
            dict(zip(MEASURES, np.median(part, axis=0).tolist(), strict=True))
            for part in np.array_split(self.samples, 4)
        ]


def soak(folder: Path, boards: int, rounds: int, codec: str = "onebit") -> Soak:
    """Run so many boards for so many rounds.

    Args:
        folder: Empty; best in memory, the store is written to 64 times a round.
        boards, rounds: Numbers of boards and of rounds.
        codec: Both ways.
    """
    rng = np.random.default_rng(5)
    y = rng.integers(0, C, 20 * boards)
    x = (rng.normal(0, 1, (len(y), D)) + 2 * np.eye(C, D)[y]).astype(np.float32)
    np.savez(folder / "heaps.npz", X=x, y=y)
    config = RunConfig(
        boards=(f"loopback:{boards}",), rounds=rounds, data=str(folder / "heaps.npz"), partition="iid",
        local_epochs=1, central=False, codec=codec, faults=FAULTS,
    )  # fmt: skip
    watch = Soak(rounds)
    run(experiment.begin(config, folder / "run", watch))
    return watch
