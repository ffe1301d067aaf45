"""The motions' extractor: `python -m models.motion.train` (needs `pip install --no-deps aeon`)."""

from __future__ import annotations

import keras
from models.pipeline import Recipe, build, parser


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
    args = parser(__doc__, "folder with the .ts files; else those inside aeon").parse_args()
    recipe = Recipe(name="motion", network=network, D=64, seen=(0, 1, 2, 3), sensor_hertz=10)
    build(recipe, args.data_dir, args.models, from_plain=args.from_plain)


if __name__ == "__main__":
    main()
