"""Makes a frozen int8 feature extractor from real data: trains, cuts, converts, checks, writes.

Every model folder has a script that defines its network and calls `build`. TensorFlow is needed only here
(`pip install 'bytefed[models]'`).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from models import measure
from rich.console import Console
from rich.progress import track

from bytefed.data import TASKS
from bytefed.data.raw import Division, RawData
from bytefed.extractor import describe, manifest
from bytefed.extractor.extractor import Extractor

MODELS = Path(__file__).resolve().parent
BATCH_SIZE = 32
SEED = 1
FEATURE_NORM = 32.0
"""Mean squared length of a feature vector, so that one learning rate fits the heads of all tasks."""


@dataclass(frozen=True)
class Recipe:
    """The recipe for one extractor.

    Attributes:
        name: Name of the task in `bytefed.data.TASKS`, of the folder and of the file.
        network: D -> layers up to and including the features: ReLU, [D].
        D: Number of features.
        seen: Labels that the extractor is trained on; the rest of the pretraining part stays unused.
        augment: (inputs, numpy generator) -> inputs, varied anew in each epoch.
        views: inputs -> a list of their views: as they are, mirrored, rotated and so on. Each view of each label is a
            class of its own while training: an extractor that sees few labels then learns more features.
        epochs: Number of passes over all views.
        sensor_hertz: Readings a second of a board's motion sensor, if an input is a window of it; else 0.
    """

    name: str
    network: Callable[[int], list[keras.Layer]]
    D: int
    seen: tuple[int, ...]
    augment: Callable[[np.ndarray, np.random.Generator], np.ndarray] = lambda inputs, _: inputs
    views: Callable[[np.ndarray], list[np.ndarray]] = lambda inputs: [inputs]
    epochs: int = 60
    sensor_hertz: int = 0


def build(
    recipe: Recipe, data_dir: Path | None = None, models: Path = MODELS, *, measure_heads: bool = True
) -> None:
    """Make `models/NAME/NAME.tflite` and its manifest, and print the figures.

    Args:
        recipe: The recipe.
        data_dir: Folder with the raw data, if bytefed doesn't ship them.
        models: Folder in which to make the model's folder.
        measure_heads: Whether to train heads, too, to measure the features.
    """
    raw, division = TASKS[recipe.name].load(data_dir)
    pretrain = division.pretrain[np.isin(raw.labels[division.pretrain], recipe.seen)]
    features = train(recipe, raw.inputs[pretrain], raw.labels[pretrain])
    model = convert(features, raw.inputs[pretrain])
    extractor = Extractor(model)
    figures = measure.int8_error(features, extractor, raw.inputs[division.test])
    if measure_heads:
        figures |= measure.heads(recipe.name, raw, division, extractor)
    folder = models / recipe.name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{recipe.name}.tflite").write_bytes(model)
    document = describe(recipe, raw, division, len(pretrain), model, figures)
    (folder / manifest.FILE_NAME).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    print(f"{folder}: {len(model):,} bytes, arena {document['arena_bytes']:,} bytes")
    print(json.dumps(figures, indent=2))


def train(recipe: Recipe, inputs: np.ndarray, labels: np.ndarray) -> keras.Model:
    """Train a classifier on the samples that the extractor may see, and cut its last layer off.

    Args:
        recipe: The recipe, which has the network.
        inputs: float32 [n, ...].
        labels: uint8 [n].

    Returns:
        float32 inputs -> float32 features [n, D].
    """
    keras.utils.set_random_seed(SEED)
    tf.config.experimental.enable_op_determinism()
    source = keras.Input(inputs.shape[1:])
    features = source
    for layer in recipe.network(recipe.D):
        features = layer(features)
    views = len(recipe.views(inputs[:1]))
    head = keras.layers.Dense(len(recipe.seen) * views, activation="softmax")
    classifier = keras.Model(source, head(keras.layers.Dropout(0.2)(features)))
    classifier.compile(keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy")
    upright = np.searchsorted(recipe.seen, labels)
    targets = np.concatenate([upright + view * len(recipe.seen) for view in range(views)])
    random = np.random.default_rng(SEED)
    for _ in track(range(recipe.epochs), "epochs", console=Console(stderr=True)):
        varied = recipe.views(recipe.augment(inputs, random))
        classifier.fit(np.concatenate(varied), targets, BATCH_SIZE, verbose=0)
    return _rescale(keras.Model(source, features), inputs)


def _rescale(features: keras.Model, inputs: np.ndarray) -> keras.Model:
    """Return the network, scaled so that feature vectors have the agreed length; a factor passes through ReLU."""
    length = np.sqrt((features.predict(inputs, verbose=0) ** 2).sum(axis=1).mean())
    last = features.layers[-1]
    last.set_weights([weights * np.sqrt(FEATURE_NORM) / length for weights in last.get_weights()])
    return features


def convert(features: keras.Model, representative: np.ndarray) -> bytes:
    """Convert to full int8 with a batch of 1, in a form that old and new versions of TFLM take.

    Args:
        features: The network, cut.
        representative: float32 [n, ...], the inputs on which ranges are measured.

    Returns:
        The .tflite file.
    """
    # The batch must be fixed, or Flatten becomes SHAPE, STRIDED_SLICE and PACK.
    one = keras.Input(batch_shape=(1, *representative.shape[1:]))
    converter = tf.lite.TFLiteConverter.from_keras_model(keras.Model(one, features(one)))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([sample[np.newaxis]] for sample in representative)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    # The Arduino libraries of TFLM use one scale for each tensor of Dense weights, whatever the file says.
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    return bytes(converter.convert())


def manifest_of(
    recipe: Recipe, raw: RawData, division: Division, pretrained: int, model: bytes, figures: dict[str, float]
) -> dict[str, Any]:
    """Return the manifest of a model; see `bytefed.extractor.manifest.Manifest`."""
    return {
        **describe.describe(recipe.name, model, raw.classes),
        **({"sensor_hertz": recipe.sensor_hertz} if recipe.sensor_hertz else {}),
        "division_seed": TASKS[recipe.name].seed,
        "division": division.describe(),
        "extractor": {
            "classes_seen": list(recipe.seen),
            "samples_seen": pretrained,
            "seed": SEED,
            "epochs": recipe.epochs,
        },
        "made_with": {"tensorflow": tf.__version__, "keras": keras.__version__, "numpy": np.__version__},
        "figures": figures,
    }
