"""The photographs' extractor, made on first use: `python -m models.cifar10.train [--data-dir DIR]`."""

from __future__ import annotations

import keras
import numpy as np
from models.pipeline import Recipe, build, parser

from bytefed.extractor.manifest import MADE_MODELS


def network(D: int) -> list[keras.Layer]:
    """Return three convolutions and a Dense layer: 32 x 32 x 3 -> 16 x 16 x 16 -> 8 x 8 x 24 -> 4 x 4 x 32 -> D."""
    layers: list[keras.Layer] = []
    for channels in (16, 24, 32):
        layers += [
            keras.layers.Conv2D(channels, 3, padding="same", activation="relu"),
            keras.layers.MaxPooling2D(2),
        ]
    return [*layers, keras.layers.Flatten(), keras.layers.Dense(D, activation="relu")]


def shift_and_mirror(inputs: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Move each photograph by up to four pixels each way, and mirror half of them."""
    padded = np.pad(inputs, ((0, 0), (4, 4), (4, 4), (0, 0)), mode="reflect")
    rows, columns = random.integers(0, 9, (2, len(inputs)))
    moved = [image[r : r + 32, c : c + 32] for image, r, c in zip(padded, rows, columns, strict=True)]
    mirrored = random.random(len(inputs)) < 0.5
    return np.stack([image[:, ::-1] if flip else image for image, flip in zip(moved, mirrored, strict=True)])


def main() -> None:
    """Train on the part that is not federated."""
    options = parser(__doc__, "folder with the archive (default: download it)", models=MADE_MODELS)
    options.add_argument("--epochs", type=int, default=30, help="(default: 30)")
    args = options.parse_args()
    # 38,000 photographs are federated: heads that learn from many say more of them than from few. And 4,000 are
    # test enough: one more network, not three.
    recipe = Recipe(
        name="cifar10",
        network=network,
        D=64,
        seen=tuple(range(10)),
        augment=shift_and_mirror,
        epochs=args.epochs,
        folds=3,
        trials=1,
    )
    build(recipe, args.data_dir, args.models, from_plain=args.from_plain, measure_heads=False)


if __name__ == "__main__":
    main()
