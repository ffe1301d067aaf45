"""tools/monocypher.py: takes the release's two files and no others, and says what to do when there are none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOL = ROOT / "tools" / "monocypher.py"
FILES = ("monocypher.c", "monocypher.h")


def run(target: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, TOOL, target],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """A folder with the two files."""
    kept = ROOT / "build" / "monocypher"
    assert run(kept).returncode == 0
    folder = tmp_path / "release"
    folder.mkdir()
    for name in FILES:
        shutil.copy(kept / name, folder)
    return folder


def test_a_folder_of_the_release_is_taken_without_a_network(release: Path, tmp_path: Path) -> None:
    target = tmp_path / "build"
    done = run(target, BYTEFED_MONOCYPHER=str(release), PIP_NO_INDEX="1")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in target.iterdir()) == sorted(FILES)
    assert run(target, BYTEFED_MONOCYPHER="/nowhere").returncode == 0  # it is filled: nothing is asked for


@pytest.mark.parametrize("name", FILES)
def test_a_changed_file_is_refused_with_a_remedy(release: Path, tmp_path: Path, name: str) -> None:
    with (release / name).open("a") as file:
        file.write("\n")
    done = run(tmp_path / "build", BYTEFED_MONOCYPHER=str(release))
    assert done.returncode != 0
    assert f"{name} is not that of release 4.0.3" in done.stderr
    assert "BYTEFED_MONOCYPHER=FOLDER" in done.stderr
    assert not list((tmp_path / "build").iterdir())


def test_without_an_index_it_says_what_to_do(tmp_path: Path) -> None:
    done = run(
        tmp_path / "build",
        PIP_NO_INDEX="1",
        PIP_FIND_LINKS=str(tmp_path),
        PIP_CONFIG_FILE=os.devnull,
        PIP_EXTRA_INDEX_URL="",
    )
    assert done.returncode != 0
    assert "Monocypher could not be had" in done.stderr
    assert not list((tmp_path / "build").iterdir())


def test_nothing_of_monocypher_is_in_the_repository() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("no git repository")
    assert not [path for path in listed.stdout.splitlines() if Path(path).name in FILES]


def test_one_header_alone_includes_it() -> None:
    core = ROOT / "firmware" / "lib" / "bytefed" / "src" / "bytefed"
    users = [
        path.name for path in core.rglob("*.[hc]*") if "monocypher.h" in path.read_text(encoding="utf-8")
    ]
    assert users == ["primitives.h"]
