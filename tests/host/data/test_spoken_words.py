"""Sound as data: WAV files of every kind, folders of one's own words, and the spoken digits and their division."""

from __future__ import annotations

import os
import shutil
import struct
import wave
from pathlib import Path

import numpy as np
import pytest

from bytefed.data import Cut, audio, folder, keywords, load_task, partition
from bytefed.data.notes import Notes
from bytefed.data.raw import RawData, divide
from bytefed.errors import ConfigError, DataError
from bytefed.extractor import own
from bytefed.extractor.extractor import Extractor
from bytefed.extractor.manifest import Manifest, model_folder
from bytefed.extractor.sound import FrontEnd

FRONT_END = FrontEnd()


def wav(path: Path, values: np.ndarray, rate: int = 8000, width: int = 2) -> Path:
    """Write a WAV file of values float [n] or [n, channels], 1 as the loudest."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = values if values.ndim == 2 else values[:, None]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(columns.shape[1])
        file.setsampwidth(width)
        file.setframerate(rate)
        top = 2 ** (8 * width - 1)
        whole = np.clip(np.round(columns * top), -top, top - 1).astype(np.int64) + (128 if width == 1 else 0)
        file.writeframes(whole.astype("<i8").view(np.uint8).reshape(-1, 8)[:, :width].tobytes())
    return path


def tone(hertz: float, seconds: float, rate: int = 8000) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)


# --- files


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_whole_numbers_of_any_width_are_read(tmp_path, width):
    found = audio.read(wav(tmp_path / "a.wav", tone(440, 0.5), width=width).read_bytes(), 8000)
    assert found.dtype == np.int16
    assert np.abs(found - 32768 * tone(440, 0.5)).max() <= (129 if width == 1 else 1)


def test_channels_become_their_mean(tmp_path):
    both = np.stack([tone(440, 0.1), -tone(440, 0.1)], axis=1)
    assert not audio.read(wav(tmp_path / "a.wav", both).read_bytes(), 8000).any()


@pytest.mark.parametrize("rate", [16000, 44100, 48000, 4000])
def test_other_rates_are_brought_to_the_front_end_s(tmp_path, rate):
    """A tone stays where it was; what is above half of the lower rate is gone, and does not come back elsewhere."""
    high = 3000 if rate > 8000 else 1500
    values = tone(high, 1.0, rate) + (tone(6000, 1.0, rate) if rate > 12000 else 0)
    found = audio.read(wav(tmp_path / "a.wav", values / 2, rate).read_bytes(), 8000)
    assert len(found) == 8000
    middle = slice(800, 7200)  # the series repeats: ends are not compared
    assert np.abs(found[middle] - 16384 * tone(high, 1.0)[middle]).max() < 200


@pytest.mark.parametrize(
    "content",
    [
        b"", b"RIFF", b"ID3 no wave at all" * 9, b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0",
        b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0" + struct.pack("<HHIIHH", 3, 1, 8000, 32000, 4, 32) + b"data\0\0\0\0",
        b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0" + struct.pack("<HHIIHH", 1, 1, 1, 2, 2, 16) + b"data\0\0\0\0",
        b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0" + struct.pack("<HHIIHH", 1, 1, 8000, 0, 8, 64) + b"data\0\0\0\0",
    ],
)  # fmt: skip
def test_other_files_are_refused(content):
    with pytest.raises(ValueError, match=r"it (is no WAV file|has [\d,]+ samples)"):
        audio.read(content, 8000)


@pytest.mark.parametrize(
    ("kept", "reason"), [(slice(0), r"\(it is empty\)"), (slice(30), r"\(it ends too early\)")]
)
def test_a_file_that_was_not_copied_to_its_end_says_so(tmp_path, kept, reason):
    whole = wav(tmp_path / "a.wav", np.zeros(100), 8000).read_bytes()
    with pytest.raises(ValueError, match=reason):
        audio.read(whole[kept], 8000)


def test_hours_of_sound_are_refused(tmp_path):
    with pytest.raises(ValueError, match="longer than 300 seconds"):
        audio.read(wav(tmp_path / "a.wav", np.zeros(4000 * 301), 4000, width=1).read_bytes(), 8000)


def test_the_loudest_window_is_taken_and_short_sound_is_in_the_middle():
    samples = np.zeros(20_000, np.int16)
    samples[11_000:12_000] = 900
    assert audio.loudest(samples, 1000).tolist() == [900] * 1000
    assert audio.loudest(samples[11_000:12_000], 1400).tolist() == [0] * 200 + [900] * 1000 + [0] * 200
    assert audio.frames(samples, FRONT_END).shape == (49, 32)
    assert audio.frames(samples, FRONT_END, whole=True).shape == (124, 32)
    assert not audio.frames(samples[:0], FRONT_END, whole=True).any()


# --- one's own words


@pytest.fixture
def words(tmp_path) -> Path:
    """A folder of two words, twelve recordings each, and the extractor of the spoken words."""
    for label, hertz in (("go", 400), ("stop", 1500)):
        for number in range(12):
            wav(tmp_path / "words" / label / f"{number}.wav", tone(hertz + 9 * number, 0.4, 16000), 16000)
    shutil.copy(model_folder("keywords") / "keywords.tflite", tmp_path / "words")
    return tmp_path / "words"


def test_a_folder_of_words_is_learned_with_the_extractor_of_others(words):
    task = load_task(str(words))
    assert (task.classes, task.D, len(task.federated), len(task.test)) == (("go", "stop"), 32, 19, 5)
    assert not task.warnings


def test_long_recordings_are_cut_where_it_is_asked_for(words):
    wav(words / "go" / "long.wav", tone(500, 3.0))
    task = load_task(str(words), cut=Cut(49, 25))
    assert len(task.federated) + len(task.test) == 24 + 5  # 148 frames: 49 every 25
    assert len(load_task(str(words)).federated) == 20


def test_sound_needs_an_extractor_that_takes_it(words):
    shutil.copy(model_folder("motion") / "motion.tflite", words / "keywords.tflite")
    with pytest.raises(DataError, match="E_DATA_SOUND"):
        load_task(str(words))
    (words / "go" / "broken.wav").write_bytes(b"RIFF")
    shutil.copy(model_folder("keywords") / "keywords.tflite", words)
    with pytest.raises(DataError, match=r"E_DATA_FORMAT.*broken\.wav"):
        load_task(str(words))


def test_an_own_model_of_other_labels_hears_as_the_shipped_one(words, tmp_path, monkeypatch):
    monkeypatch.setenv("BYTEFED_MODELS", str(tmp_path / "models"))
    own.save("mine", (words / "keywords.tflite").read_bytes(), ["go", "stop", "left"])
    assert Manifest.load(model_folder("mine")).document["sound"] == FRONT_END.document()
    (words / "keywords.tflite").unlink()
    assert load_task(str(words), model="mine").num_classes == 3


# --- owners


def spoken(path: Path, speakers: tuple[str, ...] = ("anna", "ben", "cem")) -> Path:
    """A folder of two words by three speakers, ten recordings of each, of 1.5 s."""
    for label, hertz in (("go", 400), ("stop", 1500)):
        for number, speaker in enumerate(speakers):
            for take in range(10):
                place = path / label / speaker / f"{take}.wav"
                wav(place, tone(hertz + 90 * number + 9 * take, 1.5))
    shutil.copy(model_folder("keywords") / "keywords.tflite", path)
    return path


def test_subfolders_of_all_words_are_owners(tmp_path):
    path = spoken(tmp_path / "words")
    (path / "go" / "anna" / "monday").mkdir()
    (path / "go" / "anna" / "0.wav").rename(path / "go" / "anna" / "monday" / "0.wav")
    task = load_task(str(path))
    assert task.owners == ("anna", "ben", "cem")
    assert np.bincount(task.clients * 2 + task.federated.labels).tolist() == [8] * 6  # a fifth is the test
    assert len(partition.divide(task, "natural", 3)) == 3


def test_a_file_that_lies_in_no_subfolder_has_no_owner(tmp_path):
    path = spoken(tmp_path / "words")
    (path / "go" / "anna" / "0.wav").rename(path / "go" / "0.wav")
    task = load_task(str(path))
    assert (task.clients, task.owners) == (None, ())
    with pytest.raises(ConfigError, match=r"E_PARTITION_NATURAL.*subfolders"):
        partition.divide(task, "natural", 3)


def test_windows_of_a_recording_stay_together_where_there_are_owners(tmp_path):
    raw = folder_of(spoken(tmp_path / "words"))
    division = divide(raw, 0.0, 0.2, 1)
    assert len(raw.labels) == 60 * 3  # 74 frames: 49 every 10
    assert len(division.test) == 12 * 3
    assert not set(raw.groups[division.test]) & set(raw.groups[division.federated])
    assert np.bincount(raw.owners[division.test]).tolist() == [12] * 3


def folder_of(path: Path) -> RawData:
    extractor = Extractor.load("keywords")
    return folder.read_for(extractor, path, Cut(49, 10), Notes(), sound=FRONT_END)[0]


def test_a_model_s_own_recordings_have_owners(tmp_path, monkeypatch):
    monkeypatch.setenv("BYTEFED_MODELS", str(tmp_path / "models"))
    path = spoken(tmp_path / "words")
    own.save("mine", (path / "keywords.tflite").read_bytes(), ["go", "stop"])
    (path / "keywords.tflite").unlink()
    assert load_task(str(path), model="mine").owners == ("anna", "ben", "cem")


# --- the spoken digits


def toy(folder: Path) -> Path:
    """The layout of the data set, with tones for words."""
    for digit in range(10):
        for number, speaker in enumerate(keywords.SPEAKERS):
            for index in range(4):
                file = folder / keywords.FOLDER / "recordings" / f"{digit}_{speaker}_{index}.wav"
                wav(file, tone(300 + 200 * digit + 9 * number + index, 0.3))
    return folder


def test_neither_a_board_s_voice_nor_its_words_are_the_extractor_s(tmp_path):
    raw = keywords.read(toy(tmp_path))
    division = divide(raw, 0.0, 0.3, 42)
    own, boards = keywords.drawn()
    assert sorted(own + boards) == sorted(keywords.SPEAKERS)
    assert raw.owner_names == boards and raw.classes == keywords.LEARNED
    assert len(division.pretrain) == 3 * 10 * 4 and (raw.owners[division.pretrain] == -1).all()
    rest = np.concatenate([division.federated, division.test])
    assert (raw.owners[rest] >= 0).all() and (raw.labels[rest] < 5).all()
    assert len(rest) == 3 * 5 * 4 and len(np.unique(rest)) == len(rest)
    assert sorted(np.bincount(raw.owners[division.test])) == [6, 6, 6]


@pytest.mark.parametrize("place", ["", keywords.FOLDER, f"{keywords.FOLDER}/recordings"])
def test_the_folder_is_found_from_any_of_its_own(tmp_path, place):
    toy(tmp_path)
    assert len(keywords.read(tmp_path / place).labels) == 120 + 60


def test_ten_draws_of_speakers_differ():
    draws = [keywords.drawn(seed) for seed in range(1, 11)]
    assert len(set(draws)) == 8 and all(not set(own) & set(boards) for own, boards in draws)


def test_what_is_missing_or_foreign_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"E_DATA_MISSING.*spoken digits"):
        keywords.read(tmp_path)
    with pytest.raises(DataError, match="E_DATA_MISSING"):
        load_task("keywords")
    folder = toy(tmp_path) / keywords.FOLDER / "recordings"
    for index in range(4):
        (folder / f"3_theo_{index}.wav").rename(folder / f"3_anna_{index}.wav")
    with pytest.raises(DataError, match=r"E_DATA_FORMAT.*speaker"):
        keywords.read(tmp_path)
    for file in folder.glob("3_anna_*"):
        file.unlink()
    with pytest.raises(DataError, match=r"E_DATA_FORMAT.*59 of the 60"):
        keywords.read(tmp_path)
    for name in ("3_theo_0.wav", "3_george_0.wav"):
        (folder / name).write_bytes(b"text")
    with pytest.raises(DataError, match=r"E_DATA_FORMAT.*3_george_0"):
        keywords.read(tmp_path)


def test_owners_divide_each_class_of_each_owner():
    owners = np.repeat([-1, 0, 1], 100).astype(np.int32)
    labels = np.tile(np.repeat([0, 1], 50), 3).astype(np.uint8)
    raw = RawData(np.empty((300, 1), np.float32), labels, ("a", "b"), owners=owners)
    division = divide(raw, 0.0, 0.3, 1)
    assert [len(part) for part in vars(division).values()] == [100, 140, 60]
    kinds = owners[division.test] * 2 + labels[division.test]
    assert np.bincount(kinds).tolist() == [15, 15, 15, 15]
    assert not np.array_equal(divide(raw, 0.0, 0.3, 2).test, division.test)


@pytest.mark.skipif(
    "BYTEFED_DATA_DIR" not in os.environ, reason="BYTEFED_DATA_DIR names no folder with the spoken digits"
)
def test_speakers_are_the_natural_clients():
    task = load_task("keywords", Path(os.environ["BYTEFED_DATA_DIR"]))
    assert (len(task.federated), len(task.test), task.num_classes) == (525, 225, 5)
    assert task.owners == keywords.drawn()[1]
    assert np.bincount(task.clients).tolist() == [175, 175, 175]
    assert len(partition.natural(task.clients).bounds) == 4
