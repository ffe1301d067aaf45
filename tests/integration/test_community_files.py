"""The files that code hosts read: how to cite bytefed, and how to report a board."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest

from bytefed.boards.catalog import BOARDS
from bytefed.cli.parser import build_parser

yaml = pytest.importorskip("yaml", reason="PyYAML is not installed (pip install '.[docs]')")

ROOT = Path(__file__).parents[2]
REPORT = ".github/ISSUE_TEMPLATE/board.yml"
CITATION_KEYS = {
    "cff-version",
    "message",
    "title",
    "authors",
    "type",
    "abstract",
    "version",
    "license",
    "keywords",
}
"""Keys of the Citation File Format 1.2.0 that are used here; the first four are those that it requires."""


def read(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text("utf-8"))


def test_the_citation_is_of_its_format_and_of_this_version() -> None:
    citation = read("CITATION.cff")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert set(citation) == CITATION_KEYS
    assert (citation["cff-version"], citation["type"]) == ("1.2.0", "software")
    assert [set(author) for author in citation["authors"]] == [{"name"}]
    for key in ("version", "license", "keywords"):
        assert citation[key] == project[key]
    assert [key for key in ("title", "abstract", "message") if not isinstance(citation[key], str)] == []


def test_a_boards_report_names_every_board() -> None:
    (asked,) = [each for each in read(REPORT)["body"] if each.get("id") == "board"]
    assert asked["attributes"]["options"] == [*(board.full_name for board in BOARDS), "another one"]


def test_a_boards_report_asks_for_commands_that_there_are() -> None:
    parts = [
        part for each in read(REPORT)["body"] for part in each["attributes"].values() if isinstance(part, str)
    ]
    commands = [command for part in parts for command in re.findall(r"bytefed (?:devices|doctor)[^`]*", part)]
    assert {command.split()[1] for command in commands} == {"devices", "doctor"}
    for command in commands:
        words = shlex.split(command)[1:]
        assert build_parser(words[0]).parse_args(words).json


def test_a_form_has_each_field_once() -> None:
    form = read(REPORT)
    names = [each["id"] for each in form["body"] if each["type"] != "markdown"]
    assert len(names) == len(set(names)) == 8
    assert {"name", "description", "body"} <= set(form)
