"""Measures time and memory of simulated rounds, from 100 to 100,000 clients, beside Flower's own engine.

Each client has 32 samples of 64 features and trains 5 epochs in batches of one: `bytefed simulate --data synthetic
--rows 0` (a row of bytes.csv for each client takes more time than its training).
Each size is a process of its own; figures are medians over rounds, without the first one. CPU seconds are given, too,
for a machine that is busy with other things. With --flower the same job also runs in Flower's simulation engine (Ray):
name a Python that has flwr[simulation], in an environment of its own because of its pins.
Writes build/bench/simulate.json.

    python benchmarks/simulate.py [--sizes 100 1000 10000 100000] [--flower PYTHON]
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

OUTPUT = Path("build/bench/simulate.json")
_SCRIPT = (
    "import resource, sys; from bytefed.cli.main import main; code = main(sys.argv[1:]);"
    "usage = resource.getrusage(resource.RUSAGE_SELF);"
    "print(usage.ru_maxrss, usage.ru_utime + usage.ru_stime, file=sys.stderr); sys.exit(code)"
)


def simulate(clients: int, rounds: int, directory: Path) -> tuple[list[float], float, float]:
    """Return the seconds of each round but the first, the process's largest memory in MB, and its CPU seconds."""
    command = ["simulate", "--data", "synthetic", "--clients", str(clients), "--rounds", str(rounds)]
    command += [
        "--batch-size",
        "1",
        "--rows",
        "0",
        "--quiet",
        "--run-dir",
        str(directory / f"{clients}-{rounds}"),
    ]
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, *command], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(done.stderr)
    memory, cpu = done.stderr.split()[-2:]
    with (directory / f"{clients}-{rounds}" / "rounds.csv").open(newline="") as file:
        seconds = [float(row["seconds"]) for row in csv.DictReader(file)]
    return seconds[1:], int(memory) / 1024, float(cpu)


def measure(clients: int, rounds: int, directory: Path) -> dict[str, float]:
    """Return the figures of one size."""
    _, _, start = simulate(clients, 2, directory)
    seconds, memory, cpu = simulate(clients, rounds + 2, directory)
    median = statistics.median(seconds)
    return {
        "round_seconds": median,
        "best_round_seconds": min(seconds),
        "microseconds_per_client": 1e6 * median / clients,
        "cpu_seconds_per_round": (cpu - start) / rounds,
        "max_rss_mb": memory,
    }


def flower(python: str, clients: int, rounds: int) -> float:
    """Return the seconds of a round in Flower's engine: the median without the first round."""
    script = Path(__file__).with_name("flower_sim.py")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    if python != sys.executable:
        import bytefed

        environment["PYTHONPATH"] = str(Path(str(bytefed.__file__)).parents[1])
    done = subprocess.run(
        [python, str(script), str(clients), str(rounds + 1)],
        capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip
    if done.returncode != 0:
        sys.exit(done.stderr[-3000:])
    return statistics.median(json.loads(done.stdout.splitlines()[-1])[1:])


def main() -> None:
    """Print the table and write the JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1000, 10_000, 100_000])
    parser.add_argument("--flower", metavar="PYTHON", help="a Python with flwr[simulation]")
    parser.add_argument("--flower-clients", type=int, default=100, metavar="N", help="(default: 100)")
    args = parser.parse_args()
    figures: dict[str, float] = {"load_before": os.getloadavg()[0], "processors": float(os.cpu_count() or 0)}
    print(f"{'clients':>9} {'s a round':>10} {'best':>8} {'CPU s':>8} {'us a client':>12} {'MB':>6}")
    with tempfile.TemporaryDirectory() as name:
        for clients in args.sizes:
            found = measure(clients, args.rounds, Path(name))
            print(
                f"{clients:>9,} {found['round_seconds']:>10.4f} {found['best_round_seconds']:>8.4f}"
                f" {found['cpu_seconds_per_round']:>8.3f} {found['microseconds_per_client']:>12.1f}"
                f" {found['max_rss_mb']:>6.0f}",
                flush=True,
            )
            figures |= {f"{key}_{clients}": value for key, value in found.items()}
        if args.flower:
            compare(args, Path(name), figures)
        else:
            print("SKIPPED: Flower's engine; name a Python that has flwr[simulation] with --flower")
    figures["load_after"] = os.getloadavg()[0]
    print(
        f"load of the machine (1 minute): {figures['load_before']:.1f} before, {figures['load_after']:.1f} after"
    )
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps(figures, indent=2) + "\n")
    print(f"-> {OUTPUT}")


def compare(args: argparse.Namespace, directory: Path, figures: dict[str, float]) -> None:
    """Run Flower's engine and ours, one after the other, twice: the machine may be busy."""
    clients = args.flower_clients
    ratios = []
    for turn in range(2):
        theirs = flower(args.flower, clients, args.rounds) / clients
        ours = (
            measure(args.sizes[-1], args.rounds, directory / f"turn{turn}")["round_seconds"] / args.sizes[-1]
        )
        ratios.append(theirs / ours)
        print(
            f"Flower {1e6 * theirs:,.0f} us a client at {clients:,}; bytefed {1e6 * ours:.1f} at {args.sizes[-1]:,}:"
            f" {ratios[-1]:,.0f} times",
            flush=True,
        )
        figures[f"flower_us_per_client_{turn}"] = 1e6 * theirs
        time.sleep(1)
    figures["times_faster_than_flower"] = min(ratios)


if __name__ == "__main__":
    main()
