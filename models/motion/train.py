"""The motions' extractor: `python -m models.motion.train` (needs `pip install --no-deps aeon`)."""

from __future__ import annotations

import argparse
from pathlib import Path

import keras
from models.pipeline import Recipe, build


def network(D: int) -> list[keras.Layer]:
    """Return convolutions over time alone: 50 x 1 x 6 -> 25 x 1 x 24 -> 12 x 1 x 48 -> average over time -> D."""
    return [
        keras.layers.Conv2D(24, (5, 1), padding="same", activation="relu"),
        keras.layers.AveragePooling2D((2, 1)),
        keras.layers.DepthwiseConv2D((5, 1), padding="same", activation="relu"),
        keras.layers.Conv2D(48, 1, activation="relu"),
        keras.layers.MaxPooling2D((2, 1)),
        keras.layers.Conv2D(48, (5, 1), padding="same", activation="relu"),
        keras.layers.AveragePooling2D((12, 1)),
        keras.layers.Flatten(),
        keras.layers.Dense(D, activation="relu"),
    ]


def main() -> None:
    """Train on all four motions."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, help="folder with the .ts files; else those inside aeon")
    build(Recipe("motion", network, D=64, seen=(0, 1, 2, 3), sensor_hertz=10), parser.parse_args().data_dir)


if __name__ == "__main__":
    main()
