"""The road of docs/words.md by commands: from files of four words by three speakers, and from boards that hear."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
from road import Road

from bytefed.result import load_run

WORDS = {"go": (300, 900), "left": (2400, 600), "right": (500, 500), "stop": (1800, 3000)}
"""Hertz at which a word begins and ends."""
NOISE = "noise"
LABELS = (NOISE, *sorted(WORDS))
SPEAKERS = ("anna", "ben", "cem")
RATE = 16_000
TAKES = 12
PAGE = Path(__file__).resolve().parents[2] / "docs" / "words.md"
MOST_PAYLOAD = 250  # bytes a board, direction and round


def say(word: str, speaker: str, take: int) -> np.ndarray:
    """Return half a second of a tone that glides, in some noise: no two alike."""
    random = np.random.default_rng([*word.encode(), *speaker.encode(), take])
    begin, end = WORDS[word]
    pitch = random.normal(1.0, 0.03) * (0.9 + 0.1 * SPEAKERS.index(speaker))
    hertz = np.linspace(begin, end, RATE // 2) * pitch
    loud = random.uniform(0.1, 0.5) * np.hanning(RATE // 2)
    return np.asarray(loud * np.sin(2 * np.pi * np.cumsum(hertz) / RATE) + random.normal(0, 0.002, RATE // 2))


def save(path: Path, samples: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(samples.astype("<i2").tobytes())


on_ptys = pytest.mark.skipif(os.name != "posix", reason="no pseudo-terminals on this system")


@pytest.fixture
def road(tmp_path: Path) -> Road:
    """A home with recordings of four words by three speakers and of quiet, their network, and a twin of it."""
    for word in WORDS:
        for speaker in SPEAKERS:
            for take in range(TAKES):
                save(tmp_path / "my-words" / word / speaker / f"{take}.wav", 32767 * say(word, speaker, take))
    (quiet,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    subprocess.run([sys.executable, "-c", quiet], cwd=tmp_path, check=True)
    road = Road(tmp_path)
    road.type("model", "add", "keywords", "--name", "mine", "--labels", *LABELS)
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
    assert summary["class_names"] == list(LABELS) and summary["estimate_exact"]
    assert summary["accuracy_final"] > 0.9
    with (road.home / "files" / "bytes.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert max(int(row[f"payload_{way}"]) for row in rows for way in ("down", "up")) <= MOST_PAYLOAD
    road.type("report", "files")
    assert "stop" in (road.home / "files" / "report.html").read_text("utf-8")


@on_ptys
def test_three_boards_hear_four_words(road: Road) -> None:
    with road.boards("mine", "my-words") as ports:
        for port in ports:
            road.type("pair", port)
        road.type("labels", "set", *LABELS, "--boards", *ports)
        for more in (["--seconds", "20"], ["--seconds", "8", "--test"]):
            here = ["--boards", *ports, "--no-countdown", "--yes", *more]
            road.type("capture", "--labels", *WORDS, *here)
            road.type("capture", "--labels", NOISE, "--any-time", *here)
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
        assert summary["class_names"] == list(LABELS) and summary["estimate_exact"]
        assert summary["accuracy_boards_final"] > 0.9
        said = road.type("watch", "--boards", *ports, "--smooth", "3", "--seconds", "3")
        assert all(re.search(rf"{port} +(go|left|right|stop) +\d+ %", said) for port in ports)


@on_ptys
def test_a_quiet_room_is_told_as_noise(road: Road) -> None:
    """Minutes of a room that nobody had recorded; a replay begins with its first label."""
    room = np.random.default_rng(99).normal(0, 20, 60 * RATE)
    save(road.home / "room" / NOISE / "1.wav", room)
    save(road.home / "room" / "stop" / "1.wav", 32767 * say("stop", "anna", 99))
    with road.boards("mine", "room") as ports:
        for port in ports:
            road.type("pair", port)
        files = ["--data", "my-words/", "--model", "mine", "--partition", "natural"]
        road.type(
            "run", "--boards", *ports, *files, "--codec", "onebit", "--rounds", "8", "--run-dir", "files"
        )
        said = road.type("watch", "--boards", *ports, "--seconds", "4", "--json")
    told = [
        event["label"] for line in said.splitlines() if '"prediction"' in line and (event := json.loads(line))
    ]
    assert told and set(told) == {NOISE}
