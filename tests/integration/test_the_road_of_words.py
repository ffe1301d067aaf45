"""The road of docs/words.md by commands: from files of four words by three speakers, and from boards that hear."""

from __future__ import annotations

import csv
import os
import re
import wave
from pathlib import Path

import numpy as np
import pytest
from road import Road

from bytefed.result import load_run

WORDS = {"go": (300, 900), "left": (2400, 600), "right": (500, 500), "stop": (1800, 3000)}
"""Hertz at which a word begins and ends."""
SPEAKERS = ("anna", "ben", "cem")
RATE = 16_000
TAKES = 12
MOST_PAYLOAD = 250  # bytes a board, direction and round


def say(word: str, speaker: str, take: int) -> np.ndarray:
    """Return half a second of a tone that glides, in some noise: no two alike."""
    random = np.random.default_rng([*word.encode(), *speaker.encode(), take])
    begin, end = WORDS[word]
    pitch = random.normal(1.0, 0.03) * (0.9 + 0.1 * SPEAKERS.index(speaker))
    hertz = np.linspace(begin, end, RATE // 2) * pitch
    loud = random.uniform(0.1, 0.5) * np.hanning(RATE // 2)
    return np.asarray(loud * np.sin(2 * np.pi * np.cumsum(hertz) / RATE) + random.normal(0, 0.002, RATE // 2))


@pytest.fixture
def road(tmp_path: Path) -> Road:
    """A home with recordings of four words by three speakers; the shipped network that knows them, and a twin."""
    for word in WORDS:
        for speaker in SPEAKERS:
            for take in range(TAKES):
                path = tmp_path / "my-words" / word / speaker / f"{take}.wav"
                path.parent.mkdir(parents=True, exist_ok=True)
                with wave.open(str(path), "wb") as file:
                    file.setparams((1, 2, RATE, 0, "NONE", ""))
                    file.writeframes((32767 * say(word, speaker, take)).astype("<i2").tobytes())
    road = Road(tmp_path)
    road.type("model", "add", "keywords", "--name", "mine", "--labels", *WORDS)
    road.type(
        "model", "add", "keywords", "--name", "gostop", "--labels", "go", "stop", "left"
    )  # docs/sound.md's
    return road


def test_three_speakers_files_teach_four_words(road: Road) -> None:
    data = ["--data", "my-words/", "--model", "mine", "--partition", "natural"]
    said = road.type("partition", *data)
    assert all(speaker in said for speaker in SPEAKERS) and "3 clients" in said
    road.type("run", "--boards", "virtual:3", *data, "--codec", "onebit", "--run-dir", "files")
    summary = load_run(road.home / "files").summary
    assert summary["class_names"] == list(WORDS) and summary["estimate_exact"]
    assert summary["accuracy_final"] > 0.9
    with (road.home / "files" / "bytes.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert max(int(row[f"payload_{way}"]) for row in rows for way in ("down", "up")) <= MOST_PAYLOAD
    road.type("report", "files")
    assert "stop" in (road.home / "files" / "report.html").read_text("utf-8")


@pytest.mark.skipif(os.name != "posix", reason="no pseudo-terminals on this system")
def test_three_boards_hear_four_words(road: Road) -> None:
    with road.boards("mine", "my-words") as ports:
        for port in ports:
            road.type("pair", port)
        road.type("labels", "set", *WORDS, "--boards", *ports)
        for more in (("--seconds", "20"), ("--seconds", "8", "--test")):
            road.type("capture", "--labels", *WORDS, "--boards", *ports, "--no-countdown", "--yes", *more)
        run = [
            "run",
            "--data",
            "boards",
            "--boards",
            *ports,
            "--codec",
            "onebit",
            "--rounds",
            "8",
            "--personal",
        ]
        road.type(*run, "--run-dir", "words")
        summary = load_run(road.home / "words").summary
        assert summary["class_names"] == list(WORDS) and summary["estimate_exact"]
        assert summary["accuracy_boards_final"] > 0.9
        said = road.type("watch", "--boards", *ports, "--smooth", "3", "--seconds", "3")
        assert all(re.search(rf"{port} +(go|left|right|stop) +\d+ %", said) for port in ports)
