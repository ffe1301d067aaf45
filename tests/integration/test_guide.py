"""The guide and the README's road: their commands are such as the command line takes, their pictures are there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from bytefed.cli.parser import build_parser

ROOT = Path(__file__).parents[2]
COMMAND = re.compile(r"^(?:\$ )?(bytefed [^#\n]*)", re.MULTILINE)
PICTURE = re.compile(r"!\[[^\]]+\]\(([^)]+)\)")


@pytest.mark.parametrize("page", ["README.md", "docs/guide.md", "docs/words.md"])
def test_commands_are_such_as_the_command_line_takes(page: str) -> None:
    found = COMMAND.findall((ROOT / page).read_text("utf-8"))
    assert len(found) >= 12
    for command in found:
        words = shlex.split(command)[1:]
        if "--help" not in words:
            build_parser(words[0]).parse_args(words)


def test_the_readme_shows_the_road_on_its_first_screen() -> None:
    first = (ROOT / "README.md").read_text("utf-8").partition("\n## ")[0]
    road = [command.split()[1] for command in COMMAND.findall(first)]
    assert road == ["flash", "pair", "labels", "capture", "run", "watch"]
    assert "docs/guide/road.png" in first
    assert "Nothing has run on hardware yet" in first


def test_each_picture_is_shown_and_small() -> None:
    shown = set()
    for page in (ROOT / "README.md", ROOT / "docs/guide.md"):
        shown |= {page.parent / name for name in PICTURE.findall(page.read_text("utf-8"))}
    made = set((ROOT / "docs/guide").iterdir())
    assert made <= shown
    assert [path for path in shown if not path.is_file()] == []
    assert max(path.stat().st_size for path in made) < 50_000
