"""How fast emulated boards are while they train and talk, beside real ones.

    python benchmarks/emulated_speed.py feather_nrf52840 nano33ble

Names are PlatformIO environments whose images are built, or paths of ELFs. Each board trains rounds over USB, one
behind the other. Its speed is the time that passes on the chip for each second of a core that its emulator uses: at 1
a core of its own suffices for real time. So what else the machine does matters little. An idle chip costs next to
nothing; the second figure counts its work alone, at 64 MHz.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from dataclasses import replace
from pathlib import Path
from statistics import median

sys.path.extend(str(Path(__file__).resolve().parents[1] / "tests" / folder) for folder in ("boards", "host"))

from booked_device import run_round
from checks import features, head, plan

from bytefed.boards.nrf52840.builds import find_build
from bytefed.boards.nrf52840.emulator import Chip, EmulatedTransport, emulated_board
from bytefed.device.device import Device
from bytefed.runs.numbers import new_run

_HERTZ = 64e6


async def measure(what: str, rounds: int, epochs: int) -> None:
    """Print what a core does for one board, the median of some rounds."""
    async with emulated_board(find_build(what), what, Chip(1)) as emulator:
        await emulator.enumerated()
        device = Device(EmulatedTransport(emulator))
        await device.connect(new_run())
        await device.provision(features(device))
        speeds, works, idle, trained = [], [], [], 0.0
        before = await emulator.ask(do="statistics")
        for number in range(1, rounds + 1):
            training = replace(plan(), epochs=epochs)
            reply = await run_round(device, number, head(device, number), training)
            after = await emulator.ask(do="statistics")
            core = after["core_seconds"] - before["core_seconds"]
            passed = after["seconds"] - before["seconds"]
            speeds.append(passed / core)
            works.append((after["instructions"] - before["instructions"]) / _HERTZ / core)
            asleep = after["idle_share"] * after["seconds"] - before["idle_share"] * before["seconds"]
            idle.append(asleep / passed)
            trained, before = reply.computing, after
        await device.close()
    print(
        f"{what}: {median(speeds):.2f} s of the chip for each second of a core ({min(speeds):.2f} to "
        f"{max(speeds):.2f}), {median(works):.2f} of them work; {rounds} rounds of {epochs} epochs, "
        f"training {trained:.2f} s each; idle {median(idle):.0%}"
    )


def main() -> int:
    """Measure each board."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("images", nargs="+", metavar="IMAGE")
    parser.add_argument("--rounds", type=int, default=11, help="per board (default 11)")
    parser.add_argument(
        "--epochs", type=int, default=255, help="of training in a round, 1 to 255 (default 255)"
    )
    arguments = parser.parse_args()
    for image in arguments.images:
        asyncio.run(measure(image, arguments.rounds, arguments.epochs))
    return 0


if __name__ == "__main__":
    sys.exit(main())
