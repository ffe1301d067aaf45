"""The network that hears words: its layers for windows of a front end's frames, and how its words vary as it learns.

TensorFlow is needed here and in `network` alone (`pip install tensorflow`); who imports this module has made sure that
it is there.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import keras
import numpy as np

from bytefed.extractor.network import Inputs, Labels, Training, convert, train

WIDTHS = (32, 48, 48)
"""Channels of the first convolution, and of the depthwise-separable ones behind it."""
_SHIFT = 8  # frames of 20 ms
_QUIETEST, _LOUDEST = -2.0, 3.0  # a room's noise, as natural logarithms


def layers(frames: int) -> Callable[[int], list[keras.Layer]]:
    """Return the layers for windows of frames [frames, 1, bands], the bands as channels.

    For 49 frames of 32 bands: 49 x 1 x 32 -> 25 x 1 x 32 -> 13 x 1 x 48 -> mean -> D.

    Args:
        frames: Frames in a window.
    """
    left = math.ceil(math.ceil(frames / 2) / 2)

    def network(D: int) -> list[keras.Layer]:
        made = [keras.layers.Conv2D(WIDTHS[0], (5, 1), (2, 1), padding="same", use_bias=False), *_bent()]
        for place, width in enumerate(WIDTHS[1:]):
            stride = (2, 1) if place == 1 else (1, 1)
            made += [
                keras.layers.DepthwiseConv2D((9, 1), stride, padding="same", use_bias=False),
                keras.layers.BatchNormalization(),
                keras.layers.Conv2D(width, 1, use_bias=False),
                *_bent(),
            ]
        return [
            *made,
            keras.layers.AveragePooling2D((left, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(D, activation="relu"),
        ]

    return network


def _bent() -> list[keras.Layer]:
    return [keras.layers.BatchNormalization(), keras.layers.ReLU()]


def vary(inputs: Inputs, random: np.random.Generator) -> Inputs:
    """Say each word earlier or later, louder or softer, with another tilt of the spectrum, in another room's noise."""
    n, bands = len(inputs), inputs.shape[-1]
    moved = np.stack([_moved(one, int(random.integers(-_SHIFT, _SHIFT + 1))) for one in inputs])
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


def backwards_too(inputs: Inputs) -> list[Inputs]:
    """Return words, and the same words backwards, which a network learns as words of their own."""
    return [inputs, inputs[:, ::-1]]


def of_words(
    D: int, classes: int, frames: int, epochs: int, step: Callable[[], object]
) -> Callable[[Inputs, Labels], bytes]:
    """Return what makes the extractor of windows of sound and their labels.

    Args:
        D: Number of features.
        classes: Number of labels.
        frames: Frames in a window.
        epochs: Number of passes.
        step: Is called after each.
    """
    training = Training(
        network=layers(frames),
        D=D,
        seen=tuple(range(classes)),
        augment=vary,
        views=backwards_too,
        epochs=epochs,
    )
    return lambda inputs, labels: convert(train(training, inputs, labels, step), inputs)
