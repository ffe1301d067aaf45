"""Injects faults by the million: worlds, pairs of faults, kills, power losses. Prints one JSON object.

python benchmarks/faults.py worlds --faults 1000000     random worlds, from seed 1
python benchmarks/faults.py ports --faults 100000      random worlds whose ports go away, are renamed and swapped
python benchmarks/faults.py pairs                       every pair of faults of a round of two boards
python benchmarks/faults.py kills --kills 1000          SIGKILL at random instants
python benchmarks/faults.py torn --states 10000         the power fails, and data that were not synced are torn
python benchmarks/faults.py goodput                     bytes and time at 1, 5 and 20 % loss on paced lines
"""

from __future__ import annotations

import argparse
import errno
import json
import sys
import tempfile
import time
from collections import Counter
from itertools import product
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "faults"))

from campaign import Tally, pairs, ports, randoms, run_all
from disk_trace import build, trace
from goodput import measure
from killing import kill_often, undisturbed
from power_loss import Lost, fail_disk, head_of, lose_power
from world import Violation

_TORN_ROUNDS, _FAILING_ROUNDS = 30, 3


def worlds(args: argparse.Namespace) -> dict[str, Any]:
    """Run random worlds until so many faults have been injected."""
    return _told(run_all(randoms(args.seed), Tally(), args.faults))


def all_ports(args: argparse.Namespace) -> dict[str, Any]:
    """Random worlds with ports that come and go, until so many faults were injected."""
    return _told(run_all(ports(args.seed), Tally(), args.faults))


def all_pairs(args: argparse.Namespace) -> dict[str, Any]:
    """Run every pair of faults, over both framings."""
    tally = Tally()
    for framing in ("serial", "ble"):
        run_all(pairs(framing, args.step), tally)
    return _told(tally)


def kills(args: argparse.Namespace) -> dict[str, Any]:
    """Kill coordinators, then compare with an undisturbed run."""
    with tempfile.TemporaryDirectory() as name:
        killed = kill_often(Path(name), args.kills, args.seed, args.codec)
        same = undisturbed(Path(name), killed.rounds, args.codec) == killed.head
    counts = {k: v for k, v in vars(killed).items() if k != "head"}
    return {**counts, "codec": args.codec, "same_head": same}


def torn(args: argparse.Namespace) -> dict[str, Any]:
    """Count power losses by the state that they leave; then let disks fail at one operation, or from it on."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        library = build(folder)
        (folder / "run").mkdir()
        traced = trace(folder / "run", library, _TORN_ROUNDS)
        losses = lose_power(traced, folder / "found", args.states, args.states // 100, args.seed)
        right = head_of(traced.run, _FAILING_ROUNDS)
        failures = Counter[str]()
        for at, (error, times) in product(range(1, 400, 20), ((errno.ENOSPC, 10**9), (errno.EIO, 1))):
            disk = folder / f"{errno.errorcode[error]}-{at}"
            disk.mkdir()
            failed = fail_disk(disk, library, _FAILING_ROUNDS, f"{at} {error} {times}")
            failures["stopped" if failed.status else "went on"] += 1
            failures["same head"] += head_of(failed.run) == right
    return {**vars(losses), "failing_disks": dict(failures)}


def goodput(_args: argparse.Namespace) -> dict[str, Any]:
    """Return shares of the ideal `1 - loss`, by framing, head, bytes a second and loss; time-outs of real boards."""
    table = {}
    lines = (("serial", 11_520), ("serial", 100_000), ("ble", 20_000))
    kinds = product((True, False), lines, (256, 64), (0.01, 0.05, 0.2))
    for sealed, (framing, rate), features, loss in kinds:
        got = measure(features, 10, rate, loss, framing=framing, rounds=20, sealed=sealed)
        name = f"{'sealed' if sealed else 'OPEN'} {framing} {features}x10 {rate} B/s {loss:.0%}"
        table[name] = [round(got.by_bytes, 3), round(got.by_time, 3)]
    return {"bytes_and_time": table}


def _told(tally: Tally) -> dict[str, Any]:
    return {
        "worlds": tally.worlds,
        "frames": tally.frames,
        "faults": tally.faults,
        "longest_world_virtual_s": round(tally.longest, 1),
        "injected": dict(tally.injected),
        "links_given_up": dict(tally.errors),
    }


COMMANDS = {
    "worlds": worlds,
    "ports": all_ports,
    "pairs": all_pairs,
    "kills": kills,
    "torn": torn,
    "goodput": goodput,
}


def main() -> None:
    """Run the campaign that the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=COMMANDS)
    parser.add_argument("--faults", type=int, default=1_000_000)
    parser.add_argument("--step", type=int, default=1, help="only every so many pairs")
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--states", type=int, default=10_000, help="that a loss of power leaves")
    parser.add_argument("--codec", default="onebit")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    started = time.monotonic()
    violations: list[str] = []
    result: dict[str, Any] = {}
    try:
        result = COMMANDS[args.what](args)
    except (Violation, Lost) as found:  # the first one ends a campaign
        violations.append(str(found))
    took = round(time.monotonic() - started)
    print(
        json.dumps(
            {"what": args.what, "seed": args.seed, "violations": violations, **result, "seconds": took}
        )
    )
    sys.exit(bool(violations))


if __name__ == "__main__":
    main()
