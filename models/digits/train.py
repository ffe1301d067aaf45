"""The digits' extractor: `python -m models.digits.train`, and with `--classes 0-4` models/digits04."""

from __future__ import annotations

import keras
import numpy as np
from models.pipeline import Recipe, build, parser


def network(D: int) -> list[keras.Layer]:
    """Return two convolutions and a Dense layer: 8 x 8 x 1 -> 8 x 8 x 8 -> 4 x 4 x 16 -> D."""
    return [
        keras.layers.Conv2D(8, 3, padding="same", activation="relu"),
        keras.layers.Conv2D(16, 3, padding="same", activation="relu"),
        keras.layers.MaxPooling2D(2),
        keras.layers.Flatten(),
        keras.layers.Dense(D, activation="relu"),
    ]


def shift(inputs: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Move each image by up to a pixel each way; pixels that come in from outside are empty."""
    padded = np.pad(inputs, ((0, 0), (1, 1), (1, 1), (0, 0)))
    rows, columns = random.integers(0, 3, (2, len(inputs)))
    return np.stack([image[r : r + 8, c : c + 8] for image, r, c in zip(padded, rows, columns, strict=True)])


def turns_and_mirrors(inputs: np.ndarray) -> list[np.ndarray]:
    """Return each image in its eight orientations, the upright one first."""
    turned = [np.rot90(inputs, quarter, (1, 2)) for quarter in range(4)]
    return turned + [np.flip(view, 2) for view in turned]


def main() -> None:
    """Train on all ten digits, or on a range of them."""
    options = parser(__doc__)
    options.add_argument("--classes", default="0-9", metavar="A-B", help="digits that the extractor sees")
    args = options.parse_args()
    first, last = (int(digit) for digit in args.classes.split("-"))
    seen = tuple(range(first, last + 1))
    if len(seen) == 10:
        recipe = Recipe(name="digits", network=network, D=32, seen=seen, augment=shift)
    else:
        recipe = Recipe(
            name=f"digits{first}{last}",
            network=network,
            D=32,
            seen=seen,
            augment=shift,
            views=turns_and_mirrors,
            epochs=40,
        )
    build(recipe, models=args.models, from_plain=args.from_plain)


if __name__ == "__main__":
    main()
