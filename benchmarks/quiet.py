"""Counts how often heads that know words take quiet for one: silence, hiss, hum, rustling, knocks.

Three clients learn the words of a folder, as docs/words.md has it: once without the label `noise`, and once with it,
from its subfolder `noise`. Then the core's ear hears five minutes of each kind of quiet as a board hears it, a window
each 0.48 s, and the head says what it takes each window for; the last column leaves out those of which it is less sure
than of 95 in 100 of what it learned from (`bytefed watch --unknown 5`).

    python benchmarks/quiet.py --data my-words/ [--model keywords]
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import bytefed
from bytefed.extractor.extractor import Extractor
from bytefed.extractor.manifest import Manifest, model_folder
from bytefed.extractor.sound import MICROPHONE, FrontEnd, ear
from bytefed.result import Layer

NOISE, UNKNOWN, SEED = "noise", 5, 7
COUNT = 300 * MICROPHONE
"""Samples of each kind of quiet."""

Floats = NDArray[np.float64]


def kinds() -> Iterator[tuple[str, Floats]]:
    """Yield kinds of quiet by name, each float64 [COUNT], in steps of a 16-bit sample."""
    random = np.random.default_rng(SEED)
    hiss, seconds = random.normal(size=COUNT), np.arange(COUNT) / MICROPHONE
    yield "silence: zeros", np.zeros(COUNT)
    yield from ((f"hiss, sd {loud}", loud * hiss) for loud in (1, 3, 30, 300))
    for hertz in (50, 100):
        yield (
            f"hum of {hertz} Hz, sd 200, in hiss, sd 3",
            283 * np.sin(2 * np.pi * hertz * seconds) + 3 * hiss,
        )
    spectrum = np.fft.rfft(hiss)
    spectrum /= np.maximum(np.arange(len(spectrum)) * MICROPHONE / COUNT, 20) / 20
    rustling = np.fft.irfft(spectrum, COUNT)
    yield "rustling (power as 1 / f^2), sd 300", 300 * rustling / rustling.std()
    since = seconds % 0.7
    yield "knocks, a peak of 3,000 each 0.7 s, in hiss, sd 3", 1000 * hiss * np.exp(-30 * since) + 3 * hiss


def features(samples: Floats, model: Manifest, extractor: Extractor) -> Floats:
    """Return the extractor's features, float64 [windows, D], of what a board's microphone hears."""
    front_end = FrontEnd.of(model.document)
    assert front_end is not None, f"{model.name} takes no sound"
    hears, windows = ear(front_end, model.input_quantization), []
    rest = np.asarray(np.clip(np.round(samples), -32768, 32767), np.int16)
    while len(rest):
        rest = rest[hears.take(rest) :]
        if window := hears.window():
            windows.append(np.frombuffer(window, np.int8).reshape(extractor.input_shape))
    return real(extractor.extract(np.stack(windows)), extractor)


def real(codes: NDArray[np.int8], extractor: Extractor) -> Floats:
    """Return int8 features as the numbers that they stand for."""
    meaning = extractor.quantization
    return meaning.scale * (codes.astype(np.float64) - meaning.zero_point)


def judged(values: Floats, head: Layer) -> tuple[NDArray[np.intp], Floats]:
    """Return the likeliest label of each window, and its probability."""
    logits = values @ head.W + head.b
    chances = np.exp(logits - logits.max(axis=1, keepdims=True))
    return chances.argmax(axis=1), (chances / chances.sum(axis=1, keepdims=True)).max(axis=1)


def compare(folder: Path, model: str, labels: list[str], home: Path) -> None:
    """Learn labels, and print how many windows of each kind of quiet are taken for a word."""
    manifest, extractor, data = Manifest.load(model_folder(model)), Extractor.load(model), home / "data"
    for label in labels:
        shutil.copytree(folder / label, data / label)
    shutil.copy(model_folder(model) / f"{manifest.name}.tflite", data)
    run = bytefed.simulate(
        clients=3, data=str(data), codec="onebit", rounds=20, directory=home / "run", seed=SEED
    )
    task = bytefed.load_task(data)
    _, certain = judged(real(task.federated.features, extractor), run.head)
    least = np.quantile(certain, UNKNOWN / 100)
    print(
        f"\n{', '.join(labels)}: {100 * (run.accuracy or 0):.1f} % on the test; --unknown {UNKNOWN} asks {least:.3f}"
    )
    print(f"{'':50}  windows  words  --unknown {UNKNOWN}")
    for name, samples in kinds():
        values = features(samples, manifest, extractor)
        found, certain = judged(values, run.head)
        word = np.array([labels[label] != NOISE for label in found])
        print(f"{name:50}  {len(word):7}  {word.sum():5}  {(word & (certain >= least)).sum():11}")


def main() -> None:
    """Compare heads without the label `noise` and with it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="WAV files, a subfolder for each word")
    parser.add_argument("--model", default="keywords", help="a model that takes sound")
    args = parser.parse_args()
    labels = sorted(path.name for path in args.data.iterdir() if path.is_dir())
    for chosen in ([label for label in labels if label != NOISE], labels):
        with tempfile.TemporaryDirectory() as home:
            compare(args.data, args.model, chosen, Path(home))


if __name__ == "__main__":
    main()
