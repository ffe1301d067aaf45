"""The time from the end of a sensor's window to its host, of boards that classify live.

    python benchmarks/prediction_latency.py                              one board, virtual BLE and the others
    python benchmarks/prediction_latency.py --boards virtual-ble:4

The boards run in this process and replay motions four times as fast as people move, so that the end of each
window is known to its own clock. Of a board it leaves out what only hardware has: the time of the extractor
and the wait for a connection event (docs/cost.md). It says what bytefed itself adds.
"""

from __future__ import annotations

import argparse
import asyncio
import os

import numpy as np

from bytefed.boards import replay, virtual
from bytefed.boards.open import VirtualOptions, open_devices
from bytefed.boards.replay import SPEED
from bytefed.clock import now
from bytefed.device.device import Device
from bytefed.device.plan import TrainingPlan
from bytefed.device.watch import Watch
from bytefed.extractor.manifest import Manifest, model_folder

_PLAN = TrainingPlan("float32", "float32", epochs=1, batch=8, rate=0.05, seed=1)


class Timed(replay.Replay):
    """A replay that notes when each of its windows ended, by the uid of its board."""

    ends: dict[int, list[float]] = {}  # noqa: RUF012 (of all boards)

    def sense(self, label: int) -> bytes | None:
        """Return the next window."""
        due = self._beat.due
        window = super().sense(label)
        if label < 0 and window is not None and due is not None:
            self.ends.setdefault(self._uid, []).append(due)
        return window


async def _watch(device: Device, windows: int) -> list[float]:
    """Return the seconds from the end of each window to here."""
    manifest = Manifest.load(model_folder("motion"))
    await device.connect(1)
    head = np.random.default_rng(1).normal(0, 0.1, manifest.D * manifest.C + manifest.C).astype(np.float32)
    await device.train(device.plan_round(1, head, _PLAN, train=False))
    watch, waits = Watch(device), []
    for _ in range(windows):
        prediction = await anext(watch)
        waits.append(now() - Timed.ends[device.uid][prediction.window - 1])
    await watch.stop()
    return waits


async def measure(uri: str, windows: int) -> list[float]:
    """Return the latencies of all windows of all boards, seconds."""
    manifest = Manifest.load(model_folder("motion"))
    kind = virtual.BoardKind(manifest.D, manifest.C, "motion", replay="motion")
    async with open_devices([uri], VirtualOptions(kind)) as devices:
        found = await asyncio.gather(*(_watch(device, windows) for device in devices))
    return [wait for waits in found for wait in waits]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--boards", nargs="+", default=["loopback:1", "virtual-ble:1", "virtual-ble:4"])
    parser.add_argument("--windows", type=int, default=40, help="windows of each board (default 40)")
    args = parser.parse_args()
    os.environ.setdefault(SPEED, "4")
    replay.Replay = Timed  # type: ignore[misc]
    print("boards            windows   median     95 %   longest")
    for uri in args.boards:
        Timed.ends.clear()
        waits = 1000 * np.array(asyncio.run(measure(uri, args.windows)))
        median, most, longest = np.median(waits), np.percentile(waits, 95), waits.max()
        print(f"{uri:16} {len(waits):8} {median:6.1f} ms {most:6.1f} ms {longest:6.1f} ms")


if __name__ == "__main__":
    main()
