"""Every error has a code and a remedy, and a remedy names only what exists: commands, options, extras, files."""

from __future__ import annotations

import argparse
import ast
import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from bytefed.cli.commands import COMMANDS
from bytefed.cli.parser import build_parser
from bytefed.device.refusals import board_error
from bytefed.protocol.message import Status

ROOT = Path(__file__).resolve().parents[3]
SOURCES = ROOT / "host/bytefed"
ANYTHING = "1"  # stands for what is known only when the error is raised
STANDS_FOR = {"N": ANYTHING, "BOARD": "nano33ble"}
NEEDS_NONE = {"E_OUTPUT"}  # says in its message what to do, which may be all that fits on the disk


@dataclass(frozen=True)
class Remedy:
    """One place in the sources that makes an error."""

    where: str
    code: str
    text: str | None  # None where it is computed


def text_of(node: ast.expr, names: dict[str, ast.expr]) -> str | None:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part, names) or ANYTHING for part in node.values)
    if isinstance(node, ast.IfExp):
        return f"{text_of(node.body, names)} {text_of(node.orelse, names)}"
    if isinstance(node, ast.BoolOp):
        return " ".join(text_of(value, names) or "" for value in node.values)
    if isinstance(node, ast.Name) and node.id in names:
        return text_of(names[node.id], names)
    return None


def remedies(path: Path) -> Iterator[Remedy]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        for index, argument in enumerate(node.args):
            if isinstance(argument, ast.Constant) and re.fullmatch(r"E_[A-Z0-9_]+", str(argument.value)):
                rest = node.args[index + 2 :]
                text = text_of(rest[0], names) if rest else ""
                yield Remedy(f"{path.relative_to(SOURCES)}:{node.lineno}", argument.value, text)


def of_boards() -> Iterator[Remedy]:
    """What is said for each status that a board answers with."""
    for status in Status:
        if status is not Status.OK:
            error = board_error("1234", status)
            yield Remedy("device/refusals.py", error.code, error.remedy)


ALL = [found for path in sorted(SOURCES.rglob("*.py")) for found in remedies(path)]
ALL += of_boards()
SAID = [found for found in ALL if found.text]


@cache
def options() -> set[str]:
    """Every option of every command."""

    def of(parser: argparse.ArgumentParser) -> Iterator[str]:
        yield from parser._option_string_actions
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                for each in action.choices.values():
                    yield from of(each)

    return {name for command in COMMANDS for name in of(build_parser(command))}


def commands(text: str) -> list[str]:
    """What a remedy asks to type: between backticks, or behind a colon up to the end of the sentence."""
    return [
        *re.findall(r"`([^`]+)`", text),
        *re.findall(
            r"(?:[Rr]un|then|so|Install it|--?>|or): ?((?:bytefed|pip) [^`.,]+)", re.sub(r"`[^`]*`", "", text)
        ),
    ]


def test_the_walk_finds_the_errors():
    assert len({found.code for found in ALL}) > 80
    assert {"E_QUORUM", "E_NO_BOARDS", "E_CONFIG_OPTION", "E_OPEN_FILES", "E_OUTPUT"} <= {
        each.code for each in ALL
    }


def test_every_error_has_a_remedy():
    without = [found for found in ALL if found.text == "" and found.code not in NEEDS_NONE]
    assert not without


def parse(words: list[str]) -> None:
    try:
        build_parser(words[0]).parse_args(words)
    except SystemExit as ended:
        assert ended.code == 0, words  # as --help ends


@pytest.mark.parametrize("found", SAID, ids=lambda found: f"{found.code}-{found.where}")
def test_a_remedy_names_what_exists(found):
    text = found.text
    for command in commands(text):
        words = shlex.split(command)
        if words[0] == "bytefed":
            parse([STANDS_FOR.get(word, word) for word in words[1:]])
        elif words[0] == "make":
            assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE), command
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert {*re.findall(r"bytefed\[([\w-]+)\]", text)} <= {*known}
    others = re.sub(r"`(?!bytefed|--)[^`]*`|pip install [^(,.]*", "", text)  # options of other programs
    assert {*re.findall(r"(?<![\w-])--[a-z][a-z-]*(?<!-)", others)} <= options()
    for name in re.findall(
        r"(?:docs|models|tools)/[\w./-]+\.\w+", text.replace(f"models/{ANYTHING}/", "models/digits/")
    ):
        assert (ROOT / name).is_file(), name


@pytest.mark.parametrize(
    "text",
    [
        "Run `bytefed rum --rounds 3`.",
        "Run `bytefed run --roundz 3`.",
        "Say it with --roundz.",
        "Run: pip install 'bytefed[all]'",
        "docs/nothing.md shows it.",
        "Build it: `make nothing`",
    ],
)
def test_the_check_itself_can_fail(text):
    with pytest.raises((AssertionError, SystemExit)):
        test_a_remedy_names_what_exists(Remedy("", "E_X", text))
