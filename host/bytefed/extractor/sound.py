"""The front end for sound: log-mel features that a board, a virtual board and the host make with the same bits.

The core computes them (SPEC.md, section 7.7); its tables are worked out here, of the few numbers that a model's
manifest keeps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bytefed import _core
from bytefed.errors import ModelError
from bytefed.extractor import sound_tables
from bytefed.extractor.manifest import known_model
from bytefed.extractor.quantization import Quantization

MICROPHONE = 16_000
"""Samples a second of a board's microphone."""
RATES = (MICROPHONE // 2, MICROPHONE)
"""Samples a second that a front end takes."""
MIN_FRAME, MAX_FRAME = 65, 512
"""Samples in a frame, as the core allows."""
MAX_BANDS = 64

Tables = NDArray[np.int16]


@dataclass(frozen=True)
class FrontEnd:
    """The sizes of a front end, and of the window of sound that a model takes: the manifest's `sound`.

    Attributes:
        rate: Samples a second, one of RATES.
        frame: Samples in a frame, MIN_FRAME to MAX_FRAME.
        step: Samples from one frame to the next, 1 to `frame`.
        bands: Values of a frame, 1 to MAX_BANDS.
        low: Lower end of the lowest band in Hz.
        high: Upper end of the highest band in Hz, above `low` and at most half the rate.
        frames: Frames in a window.

    Raises:
        ModelError: E_MODEL_SOUND for a size out of range.
    """

    rate: int = 8000
    frame: int = 240
    step: int = 160
    bands: int = 32
    low: int = 125
    high: int = 3800
    frames: int = 49

    def __post_init__(self) -> None:
        if not (
            self.rate in RATES
            and MIN_FRAME <= self.frame <= MAX_FRAME
            and 1 <= self.step <= self.frame
            and 1 <= self.bands <= MAX_BANDS
            and 0 <= self.low < self.high <= self.rate // 2
            and self.frames >= 1
            and self._bins <= sound_tables.transform_size(self.frame)
        ):
            raise ModelError(
                "E_MODEL_SOUND", f"No front end for sound has these sizes: {asdict(self)}.",
                f"Take {RATES[0]} or {RATES[1]} samples a second, frames of {MIN_FRAME} to {MAX_FRAME} samples, steps "
                f"no longer than frames, 1 to {MAX_BANDS} bands, and 0 <= low < high below half the rate.",
            )  # fmt: skip

    @property
    def _bins(self) -> int:
        """The bins up to the last one of a band."""
        ranges = sound_tables.ranges_of(self.rate, self.frame, self.bands, self.low, self.high)
        return sound_tables.first_bin(self.rate, self.frame, self.low) + sum(map(len, ranges))

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> FrontEnd | None:
        """Return the front end that a manifest names; None if its model takes no sound.

        Raises:
            ModelError: E_MODEL_SOUND for one that cannot be.
        """
        sizes = document.get("sound")
        if sizes is None:
            return None
        try:
            return cls(**{name: int(sizes[name]) for name in cls.__dataclass_fields__})
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(
                "E_MODEL_SOUND", f"The manifest's 'sound' can't be read ({type(error).__name__}: {error}).",
                "Make it again with the script that made the model.",
            ) from error  # fmt: skip

    @classmethod
    def at(cls, rate: int) -> FrontEnd:
        """Return the usual front end for so many samples a second, one of RATES: 49 frames of 30 ms, one each 20 ms."""
        if rate == cls.rate:
            return cls()
        return cls(rate=rate, frame=480, step=320, bands=40, high=7500)

    def document(self) -> dict[str, int]:
        """Return the sizes as manifests keep them."""
        return asdict(self)

    @property
    def samples(self) -> int:
        """Samples in a window."""
        return self.frame + (self.frames - 1) * self.step

    @property
    def hop_seconds(self) -> float:
        """Seconds from one window of a board to the next: a window shares its first half with the one before."""
        return self.frames // 2 * self.step / self.rate

    @cached_property
    def tables(self) -> Tables:
        """The tables of the core, int16, in the order of SPEC.md."""
        return np.array(sound_tables.tables(self.rate, self.frame, self.bands, self.low, self.high), np.int16)

    def features(self, samples: NDArray[np.int16]) -> NDArray[np.uint16]:
        """Compute the features of sound.

        Args:
            samples: int16 [n].

        Returns:
            uint16 [frames, bands], as many frames as are complete: 64 times the natural logarithm of amplitudes.
        """
        made = max(0, (len(samples) - self.frame) // self.step + 1)
        out = np.empty((made, self.bands), np.uint16)
        _core.log_mel(
            np.ascontiguousarray(samples, np.int16), self.tables, frame=self.frame, step=self.step, out=out
        )
        return out


def halved(samples: NDArray[np.int16]) -> NDArray[np.int16]:
    """Return sound at half its rate, with the bits that a board makes of its microphone's (SPEC.md, section 7.7).

    Args:
        samples: int16 [n].

    Returns:
        int16 [n // 2].
    """
    out = np.empty(len(samples) // 2, np.int16)
    _core.halved(np.ascontiguousarray(samples, np.int16), out)
    return out


def ear(front_end: FrontEnd, inputs: Quantization) -> _core.Ear:
    """Return the core's ear: it makes a model's windows of a microphone's samples.

    Args:
        front_end: The front end, and the window.
        inputs: Scale and zero point of the extractor's inputs.
    """
    return _core.Ear(
        front_end.tables, frame=front_end.frame, step=front_end.step, bands=front_end.bands, frames=front_end.frames,
        halves=front_end.rate < MICROPHONE, scale=inputs.scale, zero_point=inputs.zero_point,
    )  # fmt: skip


def front_end_of(model_hash: int) -> FrontEnd | None:
    """Return the front end of a model that is known by its hash; None for one that takes no sound or is not known."""
    known = known_model(model_hash)
    return None if known is None else FrontEnd.of(known[1].document)
