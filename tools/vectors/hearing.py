"""Sound at half its rate, and the windows of a board's ear, in Python's integers (SPEC.md section 7.7)."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

import numpy as np
from sound import features, heard, tables

TAPS = (10426, -3395, 1947, -1298, 920, -667, 485, -349, 246, -167, 106, -62)
RATE, FRAME, STEP, BANDS, LOW, HIGH, FRAMES = 8000, 65, 40, 4, 100, 3500, 11
SCALE, ZERO_POINT = 0.05361519753932953, -128


def halved(samples: list[int]) -> list[int]:
    """Return sound at half its rate."""
    x = dict(enumerate(samples))
    found = []
    for j in range(len(samples) // 2):
        c = 2 * j - 22
        sides = sum(h * (x.get(c - 2 * k - 1, 0) + x.get(c + 2 * k + 1, 0)) for k, h in enumerate(TAPS))
        found.append(min(32767, max(-32768, ((1 << 14) * x.get(c, 0) + sides + (1 << 14)) >> 15)))
    return found


def code(feature: int) -> int:
    """Return the extractor's input of a feature."""
    steps = np.float32(feature) / np.float32(64) / np.float32(SCALE) + np.float32(0.5)
    return min(127, max(-128, math.floor(float(steps)) + ZERO_POINT))


def starts(loudness: list[int]) -> list[int]:
    """Return the frames whose being loud starts a window, those of a window that goes on left out."""
    floor, loud, found, free = loudness[0], [True, True], [], 0
    for t, now in enumerate(loudness):
        floor = now if t == 0 else min(now, floor + 1 + ((now - floor) >> 5))
        loud.append(now >= floor + 32)
        if loud[-3:] == [False, True, True] and t >= free and t >= FRAMES - 1:
            found.append(t)
            free = t + FRAMES - 2 - FRAMES // 5 + 1
    return found


def windows(frames: list[list[int]], *, on_sound: bool) -> list[int]:
    """Return the last frame of each window."""
    if not on_sound:
        return list(range(FRAMES - 1, len(frames), FRAMES // 2))
    ends = [t + FRAMES - 2 - FRAMES // 5 for t in starts([sum(frame) // BANDS for frame in frames])]
    return [end for end in ends if end < len(frames)]


def loudest(sign: int) -> list[int]:
    """Return the sound whose last half, of the tap 24, is as far out of the range as there is."""
    sides = {24 + side * (2 * k + 1): h for k, h in enumerate(TAPS) for side in (-1, 1)}
    return [sign * (32767 if sides.get(i, 1) > 0 else -32767) for i in range(48)]


def words(rng: random.Random, count: int) -> list[int]:
    """Return noise that is loud for some time, again and again."""
    return [round(rng.gauss(0, 3000 if i // 1700 % 3 == 1 else 12)) for i in range(count)]


def lines() -> Iterator[str]:
    """Yield sounds with their halves, and one sound with its windows."""
    rng = random.Random(77)
    yield "# half: int16 samples; at: the same at half the rate"
    for samples in (*heard(rng, 121), loudest(1), loudest(-1)):
        yield "half " + " ".join(map(str, samples))
        yield "at " + " ".join(map(str, halved(samples)))
    size = 1 << max(5, (FRAME - 1).bit_length() - 1)
    parts = tables(RATE, FRAME, size, BANDS, LOW, HIGH)
    samples = words(rng, 16_000)
    half = halved(samples)
    frames = [features(half[at : at + FRAME], parts, size) for at in range(0, len(half) - FRAME + 1, STEP)]
    yield "# tables, and a sound of 16,000 samples a second for them; then windows one behind the other, and on sound"
    yield "tables " + " ".join(str(x) for part in parts for x in part)
    yield "samples " + " ".join(map(str, samples))
    for kind in ("any", "sound"):
        for end in windows(frames, on_sound=kind == "sound"):
            codes = [code(feature) for frame in frames[end - FRAMES + 1 : end + 1] for feature in frame]
            yield f"{kind} " + " ".join(map(str, codes))
