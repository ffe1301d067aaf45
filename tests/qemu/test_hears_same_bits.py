"""One sound, the same windows: the emulated Cortex-M4F's ear, and this machine's."""

from __future__ import annotations

import zlib

import numpy as np
from emulated import RunImage
from numpy.typing import NDArray

from bytefed.extractor.manifest import Manifest, model_folder
from bytefed.extractor.sound import FrontEnd, ear

_MODEL = Manifest.load(model_folder("keywords"))
_SAMPLES, _WORD = 160_000, 6_000


def sound() -> NDArray[np.int16]:
    """The sound that hears.cpp makes."""
    i = np.arange(_SAMPLES, dtype=np.uint64)
    x = i * 0x9E3779B9 & 0xFFFFFFFF
    x = (x ^ x >> 15) * 0x846CA68B & 0xFFFFFFFF
    noise = (x >> 16).astype(np.uint16).view(np.int16).astype(np.float64)
    return np.trunc(noise / np.where(i // _WORD % 3 == 1, 2, 512)).astype(np.int16)


def windows(*, on_sound: bool) -> list[bytes]:
    front_end = FrontEnd.of(_MODEL.document)
    assert front_end is not None
    one = ear(front_end, _MODEL.input_quantization)
    one.clear(on_sound)
    rest, found = sound(), []
    while len(rest):
        rest = rest[one.take(rest) :]
        if (window := one.window()) is not None:
            found.append(window)
    return found


def test_a_cortex_m4f_hears_the_same_bits(run_image: RunImage) -> None:
    done = run_image("hears")
    any_time, on_sound = windows(on_sound=False), windows(on_sound=True)
    assert done.returncode == 0 and len(any_time) == 19 and len(on_sound) >= 7
    assert [int(line, 16) for line in done.stderr.split()] == [
        zlib.crc32(window) for window in any_time + on_sound
    ]
