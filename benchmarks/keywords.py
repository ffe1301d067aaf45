"""Measures federated keywords: three speakers as boards, five words, and an extractor that heard neither; ten draws.

For each seed other three of the six speakers of the spoken digits are boards, and the extractor is trained anew on
the first five words by the rest, with the settings of models/keywords. Nothing is chosen here. Needs TensorFlow
(`pip install '.[models]'`); networks are kept in build/bench/keywords, and a second run makes none again.

    python benchmarks/keywords.py --data-dir DIR [--seeds 1 2 3 4 5 6 7 8 9 10] [--rounds 100]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

import bytefed
from bytefed.data import keywords, load_task
from bytefed.data.raw import RawData, divide
from bytefed.extractor.choice import layer_of
from bytefed.extractor.extractor import Extractor
from bytefed.extractor.manifest import Manifest, model_folder
from bytefed.extractor.quantization import Quantization
from bytefed.federation.config import RunConfig
from bytefed.ledger.bytes_to import bytes_to, final_accuracy
from bytefed.ledger.estimate import link_profile
from bytefed.simulation.trial import run_trial

FOLDER = Path("build/bench/keywords")
TEST, SPLIT = 0.3, 42
"""As `bytefed.data.load` divides the task."""


def network(seed: int, raw: RawData, seen: np.ndarray) -> bytes:
    """Return the extractor of a draw of speakers, trained where it is not there yet."""
    path = FOLDER / f"speakers{seed}.tflite"
    if not path.is_file():
        sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
        from models.keywords.train import recipe
        from models.pipeline import converted

        from bytefed.extractor.network import train

        FOLDER.mkdir(parents=True, exist_ok=True)
        inputs = raw.inputs[seen]
        path.write_bytes(converted(recipe(), train(recipe(), inputs, raw.labels[seen]), inputs))
    return path.read_bytes()


def features(seed: int, data_dir: Path) -> Path:
    """Return the file of the whitened features of a draw of speakers, with the plain ones beside it."""
    path = FOLDER / f"speakers{seed}.npz"
    raw = keywords.read(data_dir, seed)
    division = divide(raw, 0.0, TEST, SPLIT)
    seen = division.pretrain[raw.labels[division.pretrain] >= len(raw.classes)]
    extractor = Extractor(network(seed, raw, seen))
    codes = extractor.extract(extractor.quantize(raw.inputs))
    about = Manifest.load(model_folder("keywords")).document["whitening"]
    layer = layer_of(
        codes[seen], extractor.quantization, raw.labels[seen],
        shrinkage=about["shrinkage"], directions=about["directions"],
    )  # fmt: skip

    def save(to: Path, X: np.ndarray, code: Quantization) -> None:
        kept = np.concatenate([division.federated, division.test])
        owners = np.array(raw.owner_names)[raw.owners[kept]]
        test = np.arange(len(kept)) >= len(division.federated)
        np.savez(
            to, X=X[kept], y=np.array(raw.classes)[raw.labels[kept]], client=owners, test=test,
            scale=np.float32(code.scale), zero_point=code.zero_point,
        )  # fmt: skip

    save(path.with_stem(f"{path.stem}_plain"), codes, extractor.quantization)
    save(path, layer.apply(codes), layer.output)
    return path


def learned(data: Path, seed: int, rounds: int) -> dict[str, float]:
    """Return what a run of three boards finds, in per cent: onebit, the central head, global and personal heads."""
    with tempfile.TemporaryDirectory() as folder:
        found = bytefed.simulate(
            clients=3, links=["ble"], directory=Path(folder) / "run", data=str(data), partition="natural",
            seed=seed, rounds=rounds, codec="onebit", personal=True, central=True,
        ).summary  # fmt: skip
    names = {
        "onebit": "accuracy_final",
        "central": "accuracy_central",
        "boards": "accuracy_boards_final",
        "personal": "accuracy_personal_final",
    }
    return {name: 100 * found[key] for name, key in names.items()}


def cheaper(data: Path, seed: int, rounds: int, central: float) -> dict[str, float]:
    """Return the accuracy of float32 as it is usually trained, and how many times the bytes of onebit it takes.

    That is FedAvg on plain features, 5 epochs at 0.05, on open links. *fewer*: its bytes to 99 % of its own final
    accuracy, over those of onebit to the same accuracy, by the heads that boards hold. *whole*: its bytes in all rounds
    over those of onebit until these heads are, and stay for three rounds, within a point of the central head.
    """
    profile, usual = (
        link_profile("ble", sealed=False),
        RunConfig(partition="natural", rounds=rounds, seed=seed, open=True),
    )
    plain, whitened = load_task(str(data.with_stem(f"{data.stem}_plain"))), load_task(str(data))
    base = run_trial(replace(usual, learning_rate=0.05), plain, 3, profile)
    onebit = run_trial(replace(usual, codec="onebit"), whitened, 3, profile)
    target = 0.99 * (final_accuracy(base.held.tolist()) or 0.0)
    found = [bytes_to(target, one.held.tolist(), one.wire.tolist()) for one in (base, onebit)]
    close = bytes_to(central / 100 - 0.01, onebit.held.tolist(), onebit.wire.tolist())
    nan = float("nan")
    return {
        "float32": 100 * (final_accuracy(base.accuracy.tolist()) or 0.0),
        "fewer": found[0] / found[1] if found[0] and found[1] else nan,
        "whole": base.wire[-1] / close if close else nan,
    }


def summary(rows: list[dict[str, float]]) -> dict[str, object]:
    """Return seeds that have a figure, their mean (of ratios the geometric one), least and most."""
    made = {}
    for name in rows[0]:
        values = np.array([row[name] for row in rows])
        there = values[np.isfinite(values)]
        mean = np.exp(np.log(there).mean()) if name in ("fewer", "whole") else there.mean()
        made[name] = [len(there), *(round(float(one), 2) for one in (mean, there.min(), there.max()))]
    return made


def main() -> None:
    """Measure each draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", type=Path, required=True, help="folder of free_spoken_digit_dataset")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(1, 11)))
    parser.add_argument("--rounds", type=int, default=100)
    args = parser.parse_args()
    rows = []
    for seed in args.seeds:
        data = features(seed, args.data_dir)
        row = learned(data, seed, args.rounds)
        row |= cheaper(data, seed, args.rounds, row["central"])
        rows.append(
            row | {"gain": row["personal"] - row["boards"], "to_central": row["onebit"] - row["central"]}
        )
        boards = " ".join(keywords.drawn(seed)[1])
        print(f"{seed:2} {boards}: " + json.dumps({k: round(v, 2) for k, v in rows[-1].items()}), flush=True)
    found = {"seeds": args.seeds, "rounds": args.rounds, "rows": rows, "summary": summary(rows)}
    (FOLDER / "keywords.json").write_text(json.dumps(found, indent=1))
    print(json.dumps(found["summary"], indent=1))


if __name__ == "__main__":
    main()
