"""Spoken words: the digits of six speakers, of whom three are boards, with words that the extractor never heard.

The extractor hears the digits zero to four by the other three speakers. So neither a voice nor a word of what boards
learn was there when it was made.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bytefed.checkout import shipped
from bytefed.data import audio
from bytefed.data.raw import RawData
from bytefed.errors import DataError
from bytefed.extractor.sound import FrontEnd

FOLDER = "free_spoken_digit_dataset"
FRONT_END = FrontEnd()
SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
LEARNED, HEARD = ("five", "six", "seven", "eight", "nine"), ("zero", "one", "two", "three", "four")
"""The words that boards learn, and those that the extractor is made of."""
SEED = 42
"""Seed of the draw of speakers."""
_SOURCE = "github.com/Jakobovski/free-spoken-digit-dataset"
_NUMBERS = (*HEARD, *LEARNED)
_LABELS = (*LEARNED, *HEARD)


@dataclass(frozen=True)
class Recording:
    """A recording.

    Attributes:
        file: Its path.
        word: Its word.
        speaker: Its speaker.
    """

    file: Path
    word: str
    speaker: str


def drawn(seed: int = SEED) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Draw the speakers by whom the extractor is made, and those who are boards: three each, in alphabetical order."""
    order = np.random.RandomState(seed).permutation(len(SPEAKERS))
    half = len(SPEAKERS) // 2
    first, second = (tuple(SPEAKERS[i] for i in sorted(part)) for part in (order[:half], order[half:]))
    return first, second


def read(data_dir: Path | None = None, seed: int = SEED) -> RawData:
    """Read windows of 0.99 s as float32 [n, 49, 1, 32], natural logarithms of the amplitudes in 32 mel bands.

    Labels 0 to 4 are the words that boards learn, and `classes` has their names; 5 to 9 are those that the extractor
    hears. All words of the extractor's speakers are there (owner -1), and of the others those that are learned.

    Source: https://github.com/Jakobovski/free-spoken-digit-dataset, CC BY-SA 4.0.

    Args:
        data_dir: A checkout of that repository, its folder `recordings`, or the folder that holds the checkout.
        seed: Seed of the draw of speakers.

    Raises:
        DataError: E_DATA_MISSING without the files, E_DATA_FORMAT if one can't be read or some are missing.
    """
    _, boards = drawn(seed)
    kept = [one for one in _recordings(data_dir) if one.speaker not in boards or one.word in LEARNED]
    return RawData(
        np.stack([_window(one.file) for one in kept])[:, :, np.newaxis, :],
        np.array([_LABELS.index(one.word) for one in kept], np.uint8),
        LEARNED,
        owners=np.array(
            [boards.index(one.speaker) if one.speaker in boards else -1 for one in kept], np.int32
        ),
        owner_names=boards,
    )


def spoken(data_dir: Path, seed: int = SEED) -> list[tuple[Path, str]]:
    """Return the boards' part of the spoken digits: each file with its word; none if the folder holds no such files.

    Args:
        data_dir: As for ``read``.
        seed: Seed of the draw of speakers.

    Raises:
        DataError: E_DATA_FORMAT if some are missing.
    """
    if not any(_files(data_dir)):
        return []
    _, boards = drawn(seed)
    return [
        (one.file, one.word) for one in _recordings(data_dir) if one.speaker in boards and one.word in LEARNED
    ]


def _recordings(data_dir: Path | None) -> list[Recording]:
    """Return the recordings, named DIGIT_SPEAKER_INDEX.wav, in the order of their names."""
    found = [] if data_dir is None else sorted(_files(data_dir))
    if not found:
        raise DataError(
            "E_DATA_MISSING",
            "The spoken digits are not part of bytefed"
            + (f", and {data_dir} holds none." if data_dir else "."),
            f"Get {_SOURCE} and name its folder with --data-dir.",
        )
    recordings = [_named(file) for file in found]
    pairs = {(one.word, one.speaker) for one in recordings}
    if len(pairs) < len(_NUMBERS) * len(SPEAKERS):
        raise DataError(
            "E_DATA_FORMAT", f"{found[0].parent} has {len(pairs)} of the 60 pairs of a word and a speaker.",
            f"Get it again from {_SOURCE}.",
        )  # fmt: skip
    return recordings


def _files(data_dir: Path) -> Iterator[Path]:
    for folder in (data_dir / FOLDER / "recordings", data_dir / "recordings", data_dir):
        if folder.is_dir():
            yield from folder.glob("[0-9]_*_*.wav")
            return


def _named(file: Path) -> Recording:
    digit, speaker, _ = file.stem.split("_", 2)
    if speaker not in SPEAKERS:
        raise DataError(
            "E_DATA_FORMAT", f"{file} is by a speaker that the extractor's division does not know.",
            f"Take the version of {_SOURCE} that {shipped('models/keywords/README.md')} names.",
        )  # fmt: skip
    return Recording(file, _NUMBERS[int(digit)], speaker)


def _window(file: Path) -> np.ndarray:
    try:
        return audio.frames(audio.read(file.read_bytes(), FRONT_END.rate), FRONT_END)
    except (OSError, ValueError) as error:
        raise DataError(
            "E_DATA_FORMAT", f"{file} cannot be read: {error}.", f"Get it again from {_SOURCE}."
        ) from error
