"""Faults on exact images, run on emulated chips: how many of each kind a board survives with all that it holds.

    python benchmarks/emulated_faults.py feather_nrf52840_sense --trials 1000 --seed 1 --workers 2

Names are PlatformIO environments whose images are built, or paths of ELFs. Where a trial strikes is drawn from the
seed, its kind and its number, whatever other trials there are: `--first 417 --trials 1` tries number 417 again.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

sys.path.extend(
    str(Path(__file__).resolve().parents[1] / "tests" / folder)
    for folder in ("emulator", "ble", "boards", "faults", "host")
)

from fault_campaign import FAULTS, campaign, first_boots

# The name of the trials in radio_campaign.py, which is imported only for them: it needs the extra `ble-sim`.
RADIO, FIRST_BOOT = "radio that loses packets", "power cut in the first boot"
KINDS = (*FAULTS, RADIO, FIRST_BOOT)


@dataclass(frozen=True)
class Job:
    """Trials of one kind, or of all kinds over USB, for one process.

    Attributes:
        image: Environment or ELF.
        kinds: Kinds of faults.
        trials: Their numbers.
        seed: Seed of everything that is random.
        life: Trials over the air until the chips are switched off and on.
    """

    image: str
    kinds: tuple[str, ...]
    trials: Sequence[int]
    seed: int
    life: int

    def run(self) -> dict[str, list[str]]:
        """Run the trials; return what went wrong, by kind."""
        if self.kinds == (RADIO,):
            from radio_campaign import radio_campaign

            work = radio_campaign(self.image, self.trials, self.seed, say, life=self.life)
            return {RADIO: asyncio.run(work)}
        if self.kinds == (FIRST_BOOT,):
            return {FIRST_BOOT: asyncio.run(first_boots(self.image, self.trials, self.seed, say))}
        return asyncio.run(campaign(self.image, self.kinds, self.trials, self.seed, say))


def say(line: str) -> None:
    """Print a line at once and in one piece: several processes print."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def jobs_of(image: str, arguments: argparse.Namespace) -> list[Job]:
    """Return the trials of one image, dealt to the workers."""
    trials = range(arguments.first, arguments.first + arguments.trials)
    groups = [tuple(kind for kind in arguments.faults if kind in FAULTS)]
    groups += [(kind,) for kind in (RADIO, FIRST_BOOT) if kind in arguments.faults]
    return [
        Job(image, kinds, share, arguments.seed, arguments.life)
        for kinds in groups
        if kinds
        for worker in range(arguments.workers)
        if (share := trials[worker :: arguments.workers])
    ]


def main() -> int:
    """Run the trials; the exit status is 1 if a board failed one."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("images", nargs="+", metavar="IMAGE")
    parser.add_argument("--trials", type=int, default=1000, help="trials of each kind (default 1000)")
    parser.add_argument("--first", type=int, default=0, help="number of the first trial (default 0)")
    parser.add_argument(
        "--seed",
        type=int,
        default=int(time.time()),
        help="seed of everything that is random (default: the time)",
    )
    parser.add_argument("--faults", nargs="+", choices=KINDS, default=list(KINDS), metavar="KIND")
    parser.add_argument(
        "--workers", type=int, default=1, help="processes, each with its emulator (default 1)"
    )
    parser.add_argument(
        "--life", type=int, default=50, help="trials over the air until the chips are switched off and on"
    )
    arguments = parser.parse_args()
    failed = 0
    for image in arguments.images:
        start = time.monotonic()
        say(f"{image}, seed {arguments.seed}")
        wrong: dict[str, list[str]] = {kind: [] for kind in arguments.faults}
        with ProcessPoolExecutor(arguments.workers, mp_context=get_context("spawn")) as pool:
            futures: list[Future[dict[str, list[str]]]] = [
                pool.submit(job.run) for job in jobs_of(image, arguments)
            ]
            for future in futures:
                for kind, ones in future.result().items():
                    wrong[kind] += ones
        for kind, ones in wrong.items():
            print(f"{kind}: {arguments.trials - len(ones)} of {arguments.trials} survived")
            failed += len(ones)
        print(f"{time.monotonic() - start:.0f} s")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
