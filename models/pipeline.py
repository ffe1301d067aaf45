"""Makes a frozen int8 feature extractor from real data: trains, cuts, converts, whitens, checks, writes.

Every model folder has a script that defines its network and calls `build`. TensorFlow is needed only here
(`pip install '.[models]'`).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from models import measure
from rich.console import Console
from rich.progress import Progress

from bytefed.data import TASKS
from bytefed.data.raw import Division, RawData
from bytefed.errors import counted
from bytefed.extractor import describe, manifest, sensor
from bytefed.extractor.choice import FOLDS, Choice, Fold, choose, network_folds, whitened
from bytefed.extractor.cut import cut
from bytefed.extractor.extractor import Extractor
from bytefed.extractor.manifest import PLAIN
from bytefed.extractor.network import SEED, Training, convert, train, versions
from bytefed.extractor.sound import FrontEnd

MODELS = Path(__file__).resolve().parent


@dataclass(frozen=True, kw_only=True)
class Recipe(Training):
    """The recipe for one extractor; labels of the pretraining part that it does not see stay unused.

    Attributes:
        name: Name of the task in `bytefed.data.TASKS`, of the folder and of the file.
        sensor_hertz: Readings a second of a board's motion sensor, if an input is a window of it; else 0.
        sound: The front end that makes the inputs; None where they are no sound.
        projected: Whether the network's last layer is cut off the extractor, too: it serves the labels that the network
            was trained on, and features before it serve others better (Chen and others, SimCLR, 2020).
        folds: How many folds the extractor's part has where whitening is tried: heads learn from one, and are tested
            on one.
        trials: On how many of these splits it is tried, at most as many as folds; each takes a network of its own.
    """

    name: str
    sensor_hertz: int = 0
    sound: FrontEnd | None = None
    projected: bool = False
    folds: int = FOLDS
    trials: int = FOLDS


def build(
    recipe: Recipe,
    data_dir: Path | None = None,
    models: Path = MODELS,
    *,
    from_plain: bool = False,
    measure_heads: bool = True,
) -> None:
    """Make `models/NAME_plain` and, whitened where that pays, `models/NAME`: .tflite files and their manifests.

    Args:
        recipe: The recipe.
        data_dir: Folder with the raw data, if bytefed doesn't ship them.
        models: Folder in which to make the models' folders.
        from_plain: Whether to take the plain model that is there, and train networks for cross-validation alone.
        measure_heads: Whether to train heads, too, to measure the features.
    """
    raw, division = TASKS[recipe.name].load(data_dir)
    seen = division.pretrain[np.isin(raw.labels[division.pretrain], recipe.seen)]
    plain_name = recipe.name + PLAIN
    if from_plain:
        plain = (models / plain_name / f"{plain_name}.tflite").read_bytes()
        about = json.loads((models / plain_name / manifest.FILE_NAME).read_text(encoding="utf-8"))
    else:
        features = _trained(recipe, raw.inputs[seen], raw.labels[seen])
        plain = converted(recipe, features, raw.inputs[seen])
        about = manifest_of(plain_name, recipe, raw, division, len(seen), plain)
        about["figures"] |= measure.int8_error(
            _kept(recipe, features), Extractor(plain), raw.inputs[division.test]
        )
        if measure_heads:
            about["figures"] |= measure.heads(plain_name, raw, division, Extractor(plain))
        _write(models, plain, about)
    found = choose(
        _folds(recipe, raw, division.pretrain), len(division.pretrain) * recipe.trials // recipe.folds
    )
    model, document = _whitened(recipe, raw, division, seen, plain, found)
    # The network is the plain one's.
    document["made_with"] = about["made_with"]
    if measure_heads:
        document["figures"] |= measure.heads(recipe.name, raw, division, Extractor(model))
    _write(models, model, document)


def parser(about: str | None, data: str | None = None, *, models: Path = MODELS) -> argparse.ArgumentParser:
    """Return the parser of the options that all training scripts have.

    Args:
        about: Describes the script.
        data: Describes --data-dir; None for data that are found by themselves.
        models: The default for --models.
    """
    options = argparse.ArgumentParser(description=about)
    if data is not None:
        options.add_argument("--data-dir", type=Path, help=data)
    options.add_argument(
        "--models", type=Path, default=models, metavar="DIR", help=f"folder of models (default: {models})"
    )
    options.add_argument(
        "--from-plain",
        action="store_true",
        help="take NAME_plain as it is there; train only what tells whether whitening pays",
    )
    return options


def converted(recipe: Recipe, features: keras.Model, inputs: np.ndarray) -> bytes:
    """Return the .tflite file of a trained network, as far as the extractor goes."""
    model = convert(features, inputs)
    return cut(model)[0] if recipe.projected else model


def _kept(recipe: Recipe, features: keras.Model) -> keras.Model:
    """Return the part of a trained network that becomes the extractor."""
    return keras.Model(features.input, features.layers[-2].output) if recipe.projected else features


def _trained(recipe: Recipe, inputs: np.ndarray, labels: np.ndarray) -> keras.Model:
    """Train a network, with a progress bar."""
    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("epochs", total=recipe.epochs)
        return train(recipe, inputs, labels, lambda: bar.advance(task))


def _folds(recipe: Recipe, raw: RawData, pretrain: np.ndarray) -> Iterator[Fold]:
    """Yield the splits of the extractor's part on which whitening is tried."""
    return network_folds(
        lambda inputs, labels: converted(recipe, _trained(recipe, inputs, labels), inputs),
        raw.inputs[pretrain],
        raw.labels[pretrain],
        None if raw.groups is None else raw.groups[pretrain],
        seen=recipe.seen,
        seed=SEED,
        among=recipe.folds,
        trials=recipe.trials,
    )


def _whitened(
    recipe: Recipe, raw: RawData, division: Division, seen: np.ndarray, plain: bytes, found: Choice
) -> tuple[bytes, dict[str, Any]]:
    """Return the model with the layer that was found, or the plain one if none pays; and its manifest."""
    extractor = Extractor(plain)
    codes = extractor.extract(extractor.quantize(raw.inputs[seen]))
    model = whitened(plain, codes, extractor.quantization, raw.labels[seen], found)
    document = manifest_of(recipe.name, recipe, raw, division, len(seen), model)
    document["whitening"] = {
        **found.document(),
        "made_of": len(seen),
        "judged_by": f"{counted(recipe.trials, 'network')} that saw neither what heads learned nor their tests",
        "plain_model": recipe.name + PLAIN,
        "plain_model_hash": extractor.model_hash,
    }
    return model, document


def _write(models: Path, model: bytes, document: dict[str, Any]) -> None:
    """Write a model's folder and print its figures."""
    folder = models / document["name"]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{document['name']}.tflite").write_bytes(model)
    (folder / manifest.FILE_NAME).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    print(f"{folder}: {len(model):,} bytes, arena {document['arena_bytes']:,} bytes")
    print(json.dumps(document["figures"] | document.get("whitening", {}), indent=2), flush=True)


def manifest_of(
    name: str, recipe: Recipe, raw: RawData, division: Division, pretrained: int, model: bytes
) -> dict[str, Any]:
    """Return the manifest of a model, without figures; see `bytefed.extractor.manifest.Manifest`."""
    return {
        **describe.describe(name, model, raw.classes),
        **sensor.window(raw.inputs.shape[1:], recipe.sensor_hertz),
        **({"sound": recipe.sound.document()} if recipe.sound else {}),
        "division_seed": TASKS[recipe.name].seed,
        "division": division.describe(),
        "extractor": {
            "classes_seen": list(recipe.seen),
            "samples_seen": pretrained,
            "seed": SEED,
            "epochs": recipe.epochs,
        },
        "made_with": versions(),
        "figures": {},
    }
