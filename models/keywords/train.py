"""The spoken words' extractor: `python -m models.keywords.train --data-dir DIR`, with the spoken digits in DIR."""

from __future__ import annotations

import keras
import numpy as np
from models.pipeline import Recipe, build, parser

from bytefed.data import keywords

Inputs = np.ndarray
WIDTHS = (32, 48, 48)
"""Channels of the first convolution, and of the depthwise-separable ones behind it."""
_SHIFT = 8  # frames of 20 ms
_QUIETEST, _LOUDEST = -2.0, 3.0  # a room's noise, as natural logarithms


def network(D: int) -> list[keras.Layer]:
    """Return convolutions over time, bands as channels: 49 x 1 x 32 -> 25 x 1 x 32 -> 13 x 1 x 48 -> mean -> D."""
    layers = [keras.layers.Conv2D(WIDTHS[0], (5, 1), (2, 1), padding="same", use_bias=False), *_bent()]
    for place, width in enumerate(WIDTHS[1:]):
        stride = (2, 1) if place == 1 else (1, 1)
        layers += [
            keras.layers.DepthwiseConv2D((9, 1), stride, padding="same", use_bias=False),
            keras.layers.BatchNormalization(),
            keras.layers.Conv2D(width, 1, use_bias=False),
            *_bent(),
        ]
    return [
        *layers,
        keras.layers.AveragePooling2D((13, 1)),
        keras.layers.Flatten(),
        keras.layers.Dense(D, activation="relu"),
    ]


def _bent() -> list[keras.Layer]:
    return [keras.layers.BatchNormalization(), keras.layers.ReLU()]


def vary(inputs: Inputs, random: np.random.Generator) -> Inputs:
    """Say each word earlier or later, louder or softer, with another tilt of the spectrum, in another room's noise."""
    n, bands = len(inputs), inputs.shape[-1]
    moved = np.stack([_moved(one, random.integers(-_SHIFT, _SHIFT + 1)) for one in inputs])
    tilt = random.normal(0.0, 0.5, (n, 1, 1, 1)) * np.linspace(-1, 1, bands)
    voiced = np.where(moved > 0, moved + random.normal(0.0, 1.0, (n, 1, 1, 1)) + tilt, 0.0)
    noise = random.uniform(_QUIETEST, _LOUDEST, (n, 1, 1, 1)) + random.normal(0.0, 0.4, moved.shape)
    return np.maximum(voiced, np.maximum(noise, 0.0)).astype(np.float32)


def _moved(window: Inputs, frames: int) -> Inputs:
    """Return a window that many frames later, with silence where nothing was heard."""
    moved = np.zeros_like(window)
    if frames >= 0:
        moved[frames:] = window[: len(window) - frames]
    else:
        moved[:frames] = window[-frames:]
    return moved


def recipe() -> Recipe:
    """Return the recipe: the words that boards don't learn, which are labels 5 to 9."""
    first = len(keywords.LEARNED)
    return Recipe(
        name="keywords",
        network=network,
        D=64,
        seen=tuple(range(first, first + len(keywords.HEARD))),
        augment=vary,
        views=lambda inputs: [inputs, inputs[:, ::-1]],  # backwards, too
        epochs=25,
        sound=keywords.FRONT_END,
        projected=True,
    )


def main() -> None:
    """Train on five words by three speakers."""
    args = parser(__doc__, "folder that holds free_spoken_digit_dataset").parse_args()
    build(recipe(), args.data_dir, args.models, from_plain=args.from_plain)


if __name__ == "__main__":
    main()
