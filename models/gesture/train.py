"""The gestures' extractor, which sees digits 0 to 4: `python -m models.gesture.train --data-dir DIR`."""

from __future__ import annotations

import keras
import numpy as np
from models.pipeline import Recipe, build, parser


def network(D: int) -> list[keras.Layer]:
    """Return convolutions over time alone: 48 x 1 x 2 -> 24 x 1 x 16 -> 12 x 1 x 24 -> D."""
    return [
        keras.layers.Conv2D(16, (5, 1), padding="same", activation="relu"),
        keras.layers.MaxPooling2D((2, 1)),
        keras.layers.Conv2D(24, (5, 1), padding="same", activation="relu"),
        keras.layers.MaxPooling2D((2, 1)),
        keras.layers.Flatten(),
        keras.layers.Dense(D, activation="relu"),
    ]


def mirrors(inputs: np.ndarray) -> list[np.ndarray]:
    """Return each stroke as drawn, mirrored left to right, upside down and both; and all of these backwards."""
    mirrored = [inputs * np.array(signs, np.float32) for signs in ((1, 1), (-1, 1), (1, -1), (-1, -1))]
    return mirrored + [view[:, ::-1] for view in mirrored]


def main() -> None:
    """Train on digits 0 to 4."""
    args = parser(__doc__, "checkout of magic_wand_digit_data (needed)").parse_args()
    recipe = Recipe(name="gesture", network=network, D=64, seen=(0, 1, 2, 3, 4), views=mirrors, epochs=30)
    build(recipe, args.data_dir, args.models, from_plain=args.from_plain)


if __name__ == "__main__":
    main()
