"""Faults on exact images, run on emulated chips: how many of each kind a board survives with all that it holds.

    python benchmarks/emulated_faults.py feather_nrf52840 --trials 1000 --seed 1

Names are PlatformIO environments whose images are built, or paths of ELFs.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "emulator"))

from fault_campaign import FAULTS, campaign, first_boots


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)


def main() -> int:
    """Run the campaign; the exit status is 1 if a board failed a trial."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("images", nargs="+", metavar="IMAGE")
    parser.add_argument("--trials", type=int, default=1000, help="of each kind (default 1000)")
    parser.add_argument("--first-boots", type=int, default=100, help="of new boards, each with a power cut")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of all that is random")
    parser.add_argument("--faults", nargs="+", choices=list(FAULTS), default=list(FAULTS), metavar="KIND")
    arguments = parser.parse_args()
    failed = 0
    for image in arguments.images:
        start = time.monotonic()
        say(f"{image}, seed {arguments.seed}")
        job = (image, arguments.faults, arguments.trials, arguments.seed, say)
        wrong = {kind: (arguments.trials, ones) for kind, ones in asyncio.run(campaign(*job)).items()}
        ones = asyncio.run(first_boots(image, arguments.first_boots, arguments.seed, say))
        wrong["power cut in the first boot"] = (arguments.first_boots, ones)
        for kind, (trials, ones) in wrong.items():
            print(f"{kind}: {trials - len(ones)} of {trials} survived")
            failed += len(ones)
        print(f"{time.monotonic() - start:.0f} s")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
