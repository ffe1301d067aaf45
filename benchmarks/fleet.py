"""Measures a coordinator with 1 to 64 boards: time and host CPU of a round, as a function of the number of boards.

Each size runs in a process of its own (`bytefed run --boards virtual:N`, ready features, D=64, C=10, 32 samples a
board, 5 local epochs), so that CPU time is the coordinator's alone: the virtual boards are another process.
Medians over rounds; the first round of each run is left out. Writes build/bench/fleet.json.

    python benchmarks/fleet.py [--rounds 50] [--sizes 1 4 16 64]
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


def measure(boards: int, rounds: int, folder: Path) -> dict[str, float]:
    """Run one size; return its figures."""
    data = folder / f"{boards}.npz"
    make_data(data, boards)

    def run(count: int) -> tuple[float, Path]:
        directory = folder / f"run-{boards}-{count}"
        command = ["run", "--boards", f"virtual:{boards}", "--data", str(data), "--partition", "natural"]
        command += ["--rounds", str(count), "--batch-size", "1", "--no-central", "--quiet"]
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


def main() -> None:
    """Print the table and write the JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 4, 16, 64])
    args = parser.parse_args()
    figures: dict[str, float] = {}
    print(
        f"{'boards':>6} {'s a round':>10} {'host CPU ms a round':>20} {'CPU ms a board':>15} {'B a round':>10} estimate"
    )
    with tempfile.TemporaryDirectory() as name:
        for boards in args.sizes:
            found = measure(boards, args.rounds, Path(name))
            exact = "exact" if found["estimate_exact"] else "differs"
            print(
                f"{boards:>6} {found['round_seconds']:>10.4f} {found['cpu_ms_per_round']:>20.2f}"
                f" {found['cpu_ms_per_round'] / boards:>15.2f} {found['wire_bytes_per_round']:>10,.0f} {exact}",
                flush=True,
            )
            figures |= {f"{key}_{boards}": value for key, value in found.items()}
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps(figures, indent=2) + "\n")
    print(f"-> {OUTPUT}")


if __name__ == "__main__":
    main()
