"""tools/model_to_c.py: the headers that it makes of a model for the firmware."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bytefed.extractor.sound import FrontEnd

ROOT = Path(__file__).parents[2]


def make(folder: Path, out: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "tools" / "model_to_c.py", folder, out]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture
def motion(tmp_path: Path) -> Path:
    """A copy of the model, to change."""
    return Path(shutil.copytree(ROOT / "models" / "motion", tmp_path / "motion"))


def change(folder: Path, **values: object) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_the_rate_of_a_window_is_the_manifest_s(motion: Path, tmp_path: Path) -> None:
    change(motion, sensor_hertz=25)
    assert make(motion, tmp_path).returncode == 0
    header = (tmp_path / "bytefed_model.h").read_text()
    assert "kWindowSteps = 50;" in header and "kWindowHertz = 25;" in header


def test_a_model_of_something_else_has_no_windows(tmp_path: Path) -> None:
    assert make(ROOT / "models" / "digits", tmp_path).returncode == 0
    assert "kWindowSteps = 0;" in (tmp_path / "bytefed_model.h").read_text()


def test_a_model_of_sound_brings_its_tables(tmp_path: Path) -> None:
    """Those that the host makes; other models' headers say nothing of sound."""
    assert make(ROOT / "models" / "keywords", tmp_path).returncode == 0
    header = (tmp_path / "bytefed_model.h").read_text()
    assert "#define BYTEFED_MODEL_SOUND" in header and "kSoundFrames = 49;" in header
    rows = re.findall(r"-?\d+(?=,)", (tmp_path / "bytefed_model_sound.h").read_text())
    assert [int(row) for row in rows] == FrontEnd().tables.tolist()
    assert make(ROOT / "models" / "motion", tmp_path / "motion").returncode == 0
    assert not (tmp_path / "motion" / "bytefed_model_sound.h").exists()
    assert "SOUND" not in (tmp_path / "motion" / "bytefed_model.h").read_text()


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"sensor_hertz": 10, "input_shape": [50, 1, 3]}, "sensor_hertz"),
        ({"sensor_hertz": 5000}, "sensor_hertz"),
        ({"ops": ["MEAN_OF_ALL"]}, "MEAN_OF_ALL"),
        ({"model_hash": 1}, "not the one"),
    ],
)
def test_a_manifest_that_can_t_be_is_refused(
    motion: Path, tmp_path: Path, values: dict[str, object], word: str
) -> None:
    change(motion, **values)
    done = make(motion, tmp_path)
    assert done.returncode != 0 and word in done.stderr
    assert not (tmp_path / "bytefed_model.h").exists()
