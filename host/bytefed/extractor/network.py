"""Trains small networks that become extractors: a classifier without its last layer, converted to int8.

TensorFlow is needed here alone (`pip install tensorflow`); who imports this module has made sure that it is
there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from bytefed.extractor.quiet import quiet
from bytefed.extractor.whiten import FEATURE_NORM

tf.get_logger().setLevel(
    logging.ERROR
)  # it warns of networks that are compiled anew, which is what a fold needs

BATCH_SIZE = 32
SEED = 1
_SHORT = 100  # readings

Inputs = NDArray[np.float32]
Labels = NDArray[np.uint8]


def _no_step() -> None:
    """Show nothing."""


@dataclass(frozen=True, kw_only=True)
class Training:
    """The way to train a network.

    Attributes:
        network: D -> layers up to and including the features: ReLU, [D].
        D: Number of features.
        seen: Labels that the network is trained on.
        augment: (inputs, numpy generator) -> inputs, varied anew in each epoch.
        views: inputs -> a list of their views: as they are, mirrored, rotated and so on. Each view of each label is a
            class of its own while training: an extractor that sees few labels then learns more features.
        epochs: Number of passes over all views.
    """

    network: Callable[[int], list[keras.Layer]]
    D: int
    seen: tuple[int, ...]
    augment: Callable[[Inputs, np.random.Generator], Inputs] = lambda inputs, _: inputs
    views: Callable[[Inputs], list[Inputs]] = lambda inputs: [inputs]
    epochs: int = 60


def train(
    training: Training, inputs: Inputs, labels: Labels, step: Callable[[], object] = _no_step
) -> keras.Model:
    """Train a classifier on the samples that the extractor may see, and cut its last layer off.

    Args:
        training: The way to train it.
        inputs: float32 [n, ...].
        labels: uint8 [n].
        step: Is called after each epoch.

    Returns:
        float32 inputs -> float32 features [n, D].
    """
    keras.utils.set_random_seed(SEED)
    tf.config.experimental.enable_op_determinism()
    source = keras.Input(inputs.shape[1:])
    features = source
    for layer in training.network(training.D):
        features = layer(features)
    views = len(training.views(inputs[:1]))
    head = keras.layers.Dense(len(training.seen) * views, activation="softmax")
    classifier = keras.Model(source, head(keras.layers.Dropout(0.2)(features)))
    classifier.compile(keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy")
    upright = np.searchsorted(training.seen, labels)
    targets = np.concatenate([upright + view * len(training.seen) for view in range(views)])
    random = np.random.default_rng(SEED)
    for _ in range(training.epochs):
        varied = training.views(training.augment(inputs, random))
        classifier.fit(np.concatenate(varied), targets, BATCH_SIZE, verbose=0)
        step()
    return _rescale(keras.Model(source, features), inputs)


def _rescale(features: keras.Model, inputs: Inputs) -> keras.Model:
    """Return the network, scaled so that feature vectors have the agreed length; a factor passes through ReLU."""
    length = np.sqrt((features.predict(inputs, verbose=0) ** 2).sum(axis=1).mean())
    last = features.layers[-1]
    last.set_weights([weights * np.sqrt(FEATURE_NORM) / length for weights in last.get_weights()])
    return features


def convert(features: keras.Model, representative: Inputs) -> bytes:
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
    with quiet():
        return bytes(converter.convert())


def window_layers(readings: int) -> Callable[[int], list[keras.Layer]]:
    """Return the layers for windows of a sensor [readings, 1, values]: convolutions over time, averaged over time.

    Args:
        readings: Readings in a window, 8 at least; of long windows fewer steps are left, so that boards have the time.
    """
    first = 2 if readings <= _SHORT else 4
    left = readings // first // 2

    def network(D: int) -> list[keras.Layer]:
        return [
            keras.layers.Conv2D(24, (5, 1), padding="same", activation="relu"),
            keras.layers.AveragePooling2D((first, 1)),
            keras.layers.DepthwiseConv2D((5, 1), padding="same", activation="relu"),
            keras.layers.Conv2D(48, 1, activation="relu"),
            keras.layers.MaxPooling2D((2, 1)),
            keras.layers.Conv2D(48, (5, 1), padding="same", activation="relu"),
            keras.layers.AveragePooling2D((left, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(D, activation="relu"),
        ]

    return network


def of_windows(
    D: int, classes: int, readings: int, epochs: int, step: Callable[[], object] = _no_step
) -> Callable[[Inputs, Labels], bytes]:
    """Return what makes the extractor of windows and their labels, in whatever units.

    Args:
        D: Number of features.
        classes: Number of labels.
        readings: Readings in a window.
        epochs: Number of passes.
        step: Is called after each.
    """
    training = Training(
        network=window_layers(readings), D=D, seen=tuple(range(classes)), augment=_louder, epochs=epochs
    )

    def made(inputs: Inputs, labels: Labels) -> bytes:
        # Each axis by its own size while training; the first convolution then takes the values as they are.
        size = np.sqrt((inputs.astype(np.float64) ** 2).mean(axis=(0, 1, 2)))
        size = np.where(size > 0, size, 1.0).astype(np.float32)
        features = train(training, inputs / size, labels, step)
        convolution = features.layers[1]
        kernel, bias = convolution.get_weights()
        convolution.set_weights([kernel / size[:, np.newaxis], bias])
        return convert(features, inputs)

    return made


def _louder(inputs: Inputs, random: np.random.Generator) -> Inputs:
    """Make each window stronger or weaker by some 10 %, as nobody moves twice alike."""
    return inputs * random.normal(1.0, 0.1, (len(inputs), 1, 1, 1)).astype(np.float32)


def ready() -> None:
    """Let TensorFlow look for its devices, of which it has much to say."""
    tf.config.list_physical_devices()


def versions() -> dict[str, str]:
    """Return the versions of what trains, as manifests keep them."""
    return {"tensorflow": tf.__version__, "keras": keras.__version__, "numpy": np.__version__}
