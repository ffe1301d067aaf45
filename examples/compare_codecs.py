"""Compares codecs over seeds, cell by cell as in a notebook (editors that know `# %%` run each by itself).

python examples/compare_codecs.py [FOLDER]
"""

# %% What is compared
from __future__ import annotations

import sys
from pathlib import Path

import bytefed

FOLDER = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/compare-codecs")
CODECS = ("float32", "int8", "onebit")
SEEDS = (1, 2)

# %% What it will cost, before anything runs
for codec in CODECS:
    predicted = bytefed.estimate(features=32, classes=10, clients=8, rounds=10, codec=codec)
    update = bytefed.blob_size(codec, features=32, classes=10)
    print(f"{codec:8} {update:5,} B an update, {predicted.rounds.wire_total:8,} B in 10 rounds of 8 boards")


# %% Run it on virtual boards; a run that is there already is not made again
def result_of(codec: str, seed: int) -> bytefed.RunResult:
    """Return a complete run with a codec and a seed."""
    folder = FOLDER / f"{codec}-{seed}"
    if folder.exists():
        return bytefed.resume(folder)
    return bytefed.run(boards=["virtual:8"], rounds=10, codec=codec, seed=seed, directory=folder)


results = {(codec, seed): result_of(codec, seed) for codec in CODECS for seed in SEEDS}

# %% What came of it
for (codec, seed), result in results.items():
    wire = sum(result.bytes["wire_total"])
    exact = result.bytes["wire_total"] == result.bytes["estimate_wire"]
    print(f"{codec:8} seed {seed}: accuracy {result.accuracy or 0:.1%}, {wire:8,} B, as estimated: {exact}")

# %% Where the bytes went, in one of them
one = results["onebit", SEEDS[0]]
for cause in ("payload_down", "payload_up", "header", "ack", "control", "crc", "stuffing", "padding"):
    print(f"{cause:14} {sum(one.bytes[cause]):7,} B")

# %% The head, for whatever comes next
W, b = one.head
print(f"head: W {W.shape}, b {b.shape}, {W.dtype}; the page: {one.report()}")
