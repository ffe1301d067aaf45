"""Measures a coordinator with 1 to 64 boards: time and host CPU of a round, as a function of the number of boards.

Each size runs in a process of its own (`bytefed run --boards virtual:N`, ready features, D=64, C=10, 32 samples a
board, 5 local epochs), so that CPU time is the coordinator's alone: the virtual boards are another process.
Medians over rounds; the first round of each run is left out. Runs over sealed links and over OPEN ones take turns, and
the last lines say how many rounds a second both make: medians, and the median of their ratio over all pairs of runs.
Writes build/bench/fleet.json.

    python benchmarks/fleet.py [--rounds 50] [--sizes 1 4 16 64] [--pairs 3]
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

OUTPUT = Path("build/bench/fleet.json")
_D, _C, _SAMPLES = 64, 10, 32
_SECURITIES = ("sealed", "OPEN")


def make_data(path: Path, boards: int) -> None:
    """Write clustered int8 features, `_SAMPLES` for each board."""
    rng = np.random.default_rng(0)
    count = boards * _SAMPLES + 200
    y = rng.integers(0, _C, count)
    x = np.clip(rng.normal(0, 40, (_C, _D))[y] + rng.normal(0, 30, (count, _D)), -128, 127)
    test = np.arange(count) >= boards * _SAMPLES
    np.savez(path, X=x.astype(np.int8), y=y, client=np.arange(count) // _SAMPLES % boards, test=test)


def coordinator_cpu(command: list[str]) -> float:
    """Run a command; return the CPU seconds that it alone took, without its children."""
    script = (
        "import resource, sys; from bytefed.cli.main import main; code = main(sys.argv[1:]);"
        "usage = resource.getrusage(resource.RUSAGE_SELF);"
        "print(usage.ru_utime + usage.ru_stime, file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *command], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(done.stderr)
    return float(done.stderr.split()[-1])


def measure(boards: int, rounds: int, folder: Path, security: str) -> dict[str, float]:
    """Run one size over links of one kind; return its figures."""
    data = folder / f"{boards}.npz"
    make_data(data, boards)

    def run(count: int) -> tuple[float, Path]:
        directory = Path(tempfile.mkdtemp(dir=folder)) / "run"
        command = ["run", "--boards", f"virtual:{boards}", "--data", str(data), "--partition", "natural"]
        command += ["--rounds", str(count), "--batch-size", "1", "--no-central", "--quiet"]
        command += ["--open"] if security == "OPEN" else []
        return coordinator_cpu([*command, "--run-dir", str(directory)]), directory

    short_cpu, _ = run(2)  # the cost of starting and provisioning
    cpu, directory = run(rounds + 2)
    with (directory / "rounds.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))[2:]
    summary = json.loads((directory / "summary.json").read_text())
    return {
        "round_seconds": statistics.median(float(row["seconds"]) for row in rows),
        "cpu_ms_per_round": 1000 * (cpu - short_cpu) / rounds,
        "wire_bytes_per_round": statistics.median(int(row["wire_total"]) for row in rows),
        "estimate_exact": float(summary["estimate_exact"]),
        "failed": float(summary["failed"]),
    }


def medians(runs: list[dict[str, float]]) -> dict[str, float]:
    """Return the median of each figure over runs; of what must hold for all of them, the worst."""
    found = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
    return found | {
        "estimate_exact": min(run["estimate_exact"] for run in runs),
        "failed": max(run["failed"] for run in runs),
    }


def show(boards: int, security: str, found: dict[str, float]) -> None:
    """Print a line of the table."""
    exact = "exact" if found["estimate_exact"] else "differs"
    print(
        f"{boards:>6} {security:>6} {found['round_seconds']:>10.4f} {found['cpu_ms_per_round']:>20.2f}"
        f" {found['cpu_ms_per_round'] / boards:>15.2f} {found['wire_bytes_per_round']:>10,.0f} {exact}",
        flush=True,
    )


def verdict(boards: int, figures: dict[str, float], ratios: list[float]) -> str:
    """Return how many rounds a second are made over sealed links, and over OPEN ones."""
    sealed, opened = (1 / figures[f"round_seconds_{boards}_{security}"] for security in _SECURITIES)
    ratio = figures[f"sealed_to_open_{boards}"]
    return (
        f"{boards} boards: {sealed:.1f} rounds/s sealed, {opened:.1f} OPEN; sealed makes {100 * ratio:.0f} % as many"
        f" (median of {len(ratios)} pairs, {100 * min(ratios):.0f} to {100 * max(ratios):.0f} %)"
    )


def main() -> None:
    """Print the table and write the JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 4, 16, 64])
    parser.add_argument("--pairs", type=int, default=3)
    args = parser.parse_args()
    figures: dict[str, float] = {}
    print(
        f"{'boards':>6} {'links':>6} {'s a round':>10} {'host CPU ms a round':>20} {'CPU ms a board':>15}"
        f" {'B a round':>10} estimate"
    )
    verdicts = []
    with tempfile.TemporaryDirectory() as name:
        for boards in args.sizes:
            runs: dict[str, list[dict[str, float]]] = {security: [] for security in _SECURITIES}
            for number in range(args.pairs):  # whoever comes first in a pair comes second in the next
                for security in _SECURITIES if number % 2 == 0 else reversed(_SECURITIES):
                    runs[security].append(measure(boards, args.rounds, Path(name), security))
            for security in _SECURITIES:
                found = medians(runs[security])
                show(boards, security, found)
                figures |= {f"{key}_{boards}_{security}": value for key, value in found.items()}
            ratios = [
                opened["round_seconds"] / sealed["round_seconds"]
                for sealed, opened in zip(runs["sealed"], runs["OPEN"], strict=True)
            ]
            figures[f"sealed_to_open_{boards}"] = statistics.median(ratios)
            verdicts.append(verdict(boards, figures, ratios))
    print("\n".join(verdicts))
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps(figures, indent=2) + "\n")
    print(f"-> {OUTPUT}")


if __name__ == "__main__":
    main()
