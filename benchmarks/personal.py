"""Measures what personal heads gain: accuracy on the boards' own test samples, of the global head and of personal ones.

Ten simulated boards a task; mean over seeds, and the seed in which personal heads fare worst. Writes
build/bench/personal.json.

    python benchmarks/personal.py [--data-dir DIR] [--seeds 10] [--rounds 10 50]
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np

import bytefed

OUTPUT = Path("build/bench/personal.json")
TASKS = (
    ("digits04", 0.1), ("digits04", 0.5), ("digits", 0.1), ("digits", 0.5), ("gesture", 0.1), ("gesture", 0.5),
    ("motion", 0.5),
)  # fmt: skip


def accuracies(
    data: str, alpha: float, seed: int, rounds: int, keys: dict[str, object]
) -> tuple[float, float]:
    """Return the accuracies of the last global head and of the personal heads made of it, in percent."""
    with tempfile.TemporaryDirectory() as folder:
        result = bytefed.simulate(
            clients=10, links=["ble"], directory=Path(folder) / "run", data=data, alpha=alpha, seed=seed,
            rounds=rounds, codec="onebit", personal=True, **keys,
        )  # fmt: skip
        found = result.summary
    return 100 * found["accuracy_boards_final"], 100 * found["accuracy_personal_final"]


def main() -> None:
    """Measure each task."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", default="", help="folder that gesture and motion are read from")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--rounds", type=int, nargs="+", default=[10, 50])
    args = parser.parse_args()
    rows = []
    for rounds in args.rounds:
        for data, alpha in TASKS:
            pairs = np.array(
                [
                    accuracies(data, alpha, seed, rounds, {"data_dir": args.data_dir})
                    for seed in range(1, args.seeds + 1)
                ]
            )
            gains = pairs[:, 1] - pairs[:, 0]
            means = pairs.mean(axis=0)
            row = {
                "task": f"{data}, Dir({alpha:g})", "rounds": rounds, "global": means[0], "personal": means[1],
                "gain": gains.mean(), "deviation": gains.std(ddof=1), "worst": gains.min(),
            }  # fmt: skip
            rows.append(
                {
                    name: value if isinstance(value, str) else round(float(value), 2)
                    for name, value in row.items()
                }
            )
            print(rows[-1], flush=True)
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps({"seeds": args.seeds, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
