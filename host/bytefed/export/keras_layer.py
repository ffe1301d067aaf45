"""The head as a Keras model of one Dense layer, from real features to logits."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from bytefed.errors import ConfigError
from bytefed.export.agreement import Agreement
from bytefed.export.trained import Trained


def keras_file(trained: Trained) -> tuple[bytes, Agreement]:
    """Return the .keras file, and how far it agrees with boards on the features of the global test set.

    Raises:
        ConfigError: E_CONFIG_EXTRA if TensorFlow is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # it speaks of processors that it was not built for
    try:
        import keras
    except ImportError as error:
        raise ConfigError(
            "E_CONFIG_EXTRA",
            "A Keras model is written by TensorFlow, which is not installed.",
            "Run: pip install tensorflow",
        ) from error
    task = trained.task
    model = keras.Sequential(
        [
            keras.Input((task.D,), name="features"),
            keras.layers.Dense(task.num_classes, name="logits"),
        ],
        name="head",
    )
    model.set_weights([trained.W, trained.b])
    features = task.test.features
    logits = model.predict(task.quantization.dequantize(features), verbose=0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "head.keras"
        model.save(path)
        return path.read_bytes(), Agreement.of(trained.logits(features), logits, trained.labels)
