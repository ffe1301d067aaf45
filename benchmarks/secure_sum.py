"""Measures what secure sums cost in accuracy and bytes, and prints the tables of docs/secure_sum.md.

Every seed is run twice on the same virtual boards, which share the firmware's core: as it is by default, and with
--secure-sum.

    python benchmarks/secure_sum.py [--seeds 10] [--boards 8] [--rounds 20] [--codecs onebit float32]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, stdev
from tempfile import TemporaryDirectory

import bytefed

OUTPUT = Path("build/bench/secure_sum.json")
CODECS = ("float32", "int8", "twobit", "onebit")


def accuracy(codec: str, boards: int, rounds: int, seed: int, *, secure: bool) -> float:
    """Return the accuracy of a run's last head on the digits' test set, in per cent."""
    with TemporaryDirectory() as folder:
        found = bytefed.run(
            boards=[f"loopback:{boards}"], data="digits", rounds=rounds, seed=seed, codec=codec, central=False,
            secure_sum=secure, directory=Path(folder) / "run",
        )  # fmt: skip
        return 100 * float(found.accuracy or 0.0)


def compare(codec: str, boards: int, rounds: int, seeds: int) -> dict[str, object]:
    """Return the accuracies of plain runs and of those with secure sums."""
    pairs = [
        [accuracy(codec, boards, rounds, seed, secure=secure) for secure in (False, True)]
        for seed in range(1, seeds + 1)
    ]
    plain, secure = ([pair[side] for pair in pairs] for side in (0, 1))
    return {"codec": codec, "boards": boards, "rounds": rounds, "plain": plain, "secure": secure}


def told(values: Sequence[float]) -> str:
    """Return a mean and a standard deviation."""
    return f"{fmean(values):.1f} ({stdev(values):.1f})" if len(values) > 1 else f"{values[0]:.1f}"


def prices() -> None:
    """Print the bytes of a round and of the setup, over BLE."""
    print(
        "\n| D=32, C=10, BLE 247, sealed, a board | n = 8 | n = 16 | n = 64 |\n| --- | ---: | ---: | ---: |"
    )
    for codec in CODECS:
        cells = []
        for clients in (8, 16, 64):
            found = bytefed.estimate(
                features=32, clients=clients, rounds=1, codec=codec, link="ble", secure_sum=True
            )
            cells.append(f"{found.board_round.wire_total + found.unmask.wire_total // clients:,} B")
        plain = bytefed.estimate(features=32, clients=8, rounds=1, codec=codec, link="ble")
        print(f"| a round, {codec} (without: {plain.board_round.wire_total:,} B) | {' | '.join(cells)} |")
    setups = [
        bytefed.estimate(features=32, clients=clients, rounds=1, link="ble", secure_sum=True).masks.wire_total
        // clients
        for clients in (8, 16, 64)
    ]
    print(f"| setup | {' | '.join(f'{size:,} B' for size in setups)} |")


def main() -> None:
    """Print the tables, and keep the accuracies."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--boards", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--codecs", nargs="+", default=list(CODECS))
    args = parser.parse_args()
    rows = []
    print(
        f"| digits, {args.boards} boards, {args.rounds} rounds, {args.seeds} seeds | plain | secure sum | difference |"
    )
    print("| --- | ---: | ---: | ---: |")
    for codec in args.codecs:
        row = compare(codec, args.boards, args.rounds, args.seeds)
        plain, secure = row["plain"], row["secure"]
        assert isinstance(plain, list) and isinstance(secure, list)
        print(
            f"| {codec} | {told(plain)} | {told(secure)} | {fmean(secure) - fmean(plain):+.2f} |", flush=True
        )
        rows.append(row)
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps(rows, indent=1))
    prices()


if __name__ == "__main__":
    main()
