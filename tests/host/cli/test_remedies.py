"""Every error has a code and a remedy that can be followed.

The sources are walked for what each remedy names: a command must be one that can be run, and an option one of every
command that the error can end. Then errors are brought about, code by code, and what they say is done as it is said.
"""

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
from ways_to_fail import CODES_OF_PLACES, NOT_RUN, STANDS_FOR, WAYS, Place

from bytefed.cli.live import _Troubles
from bytefed.cli.main import main
from bytefed.cli.parser import build_parser
from bytefed.device.refusals import board_error, busy
from bytefed.errors import BoardError
from bytefed.events import BoardAway, BoardTrouble
from bytefed.protocol.message import State, Status, Welcome

ROOT = Path(__file__).resolve().parents[3]
SOURCES = ROOT / "host/bytefed"
SHIPPED = "/shipped/"  # stands for where a file is that `shipped` finds
ANYTHING = "1"  # stands for what is known only when the error is raised
NEEDS_NONE = {"E_OUTPUT"}  # says in its message what to do, which may be all that fits on the disk


@dataclass(frozen=True)
class Remedy:
    """One place in the sources that makes an error."""

    where: str
    code: str
    text: str | None  # None where it is computed

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands of bytefed that this error can end."""
        module = self.where.partition(":")[0]
        found = [each for place, each in CODES_OF_PLACES.items() if module.startswith(place)]
        assert found, f"say in ways_to_fail.py which commands {module} serves"
        return found[0]


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
    if isinstance(node, ast.FormattedValue):
        return text_of(node.value, names)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "shipped":
        return f"{SHIPPED}{text_of(node.args[0], names)}"
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
    """The remedies for each status that a board answers with, and for visitors that come at a bad time."""
    for status in Status:
        if status is not Status.OK:
            error = board_error("1234", status)
            yield Remedy(f"device/refusals.py:{status.name}", error.code, error.remedy)
    for state in State:
        error = busy("1234", Welcome(2, state, 1, 1, 1, 250, 32))
        yield Remedy(f"device/refusals.py:{state.name}", error.code, error.remedy)


ALL = [found for path in sorted(SOURCES.rglob("*.py")) for found in remedies(path)]
ALL += of_boards()
SAID = [found for found in ALL if found.text]


@cache
def options(command: str) -> frozenset[str]:
    """Every option of a command, and of its actions."""

    def of(parser: argparse.ArgumentParser) -> Iterator[str]:
        yield from parser._option_string_actions
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                for name, each in action.choices.items():
                    if parser.prog != "bytefed" or name == command:
                        yield from of(each)

    return frozenset(of(build_parser(command)))


def commands(text: str) -> list[str]:
    """The commands in a remedy: between backticks, or behind a colon up to the end of the sentence."""
    return [
        *re.findall(r"`([^`]+)`", text),
        *re.findall(
            r"(?:[Rr]un|then|so|Install it|--?>|or): ?((?:bytefed|pip) [^`.,]+)", re.sub(r"`[^`]*`", "", text)
        ),
    ]


def named_options(text: str) -> set[str]:
    """The options that a remedy names by themselves, outside of commands."""
    others = re.sub(r"`[^`]*`|pip install [^(,.]*", "", text)
    return {*re.findall(r"(?<![\w-])--[a-z][a-z-]*(?<!-)", others)}


def packages() -> set[str]:
    """The packages that pyproject.toml knows, and those that bytefed asks for without depending on them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [
        *project["dependencies"],
        *(line for extra in project["optional-dependencies"].values() for line in extra),
    ]
    return {re.split(r"[\[<>=~; ]", line)[0] for line in lines} - {"bytefed"} | {
        "aeon",
        "pillow",
        "platformio",
    }


PACKAGES = packages()
WHERE = {"in a run": "run", "in a simulation": "simulate", "elsewhere": "simulate"}


def words_behind(text: str, command: str) -> str:
    """Where an option between backticks is to be given, if the words behind it say it."""
    rest = text[text.index(f"`{command}`") + len(command) + 2 :] if f"`{command}`" in text else ""
    return next((where for where in WHERE if rest.startswith(f" {where}")), "")


def test_the_walk_finds_the_errors():
    assert len({found.code for found in ALL}) > 120
    assert {"E_QUORUM", "E_NO_BOARDS", "E_CONFIG_OPTION", "E_OPEN_FILES", "E_OUTPUT"} <= {
        each.code for each in ALL
    }


def test_every_error_has_a_remedy():
    without = [found for found in ALL if found.text == "" and found.code not in NEEDS_NONE]
    assert not without


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.OK])
def test_what_a_board_answered_and_its_remedy_are_two_sentences(status: Status):
    error = board_error("1234", status)
    assert error.remedy and re.search(rf"[.!?] {re.escape(error.remedy)}$", str(error))
    told = "1234", 1, error.code, error.message, error.remedy
    for line in (_Troubles().trouble(BoardTrouble(*told)), _Troubles().away(BoardAway(*told))):
        assert line.endswith(str(error))


def test_a_message_that_ends_with_a_stop_gets_no_other():
    assert str(BoardError("E_ODD", "It is odd.", "Leave it.")) == "[E_ODD] It is odd. Leave it."
    assert str(BoardError("E_ODD", "It is odd", "")) == "[E_ODD] It is odd"
    assert ".." not in _Troubles().away(BoardAway("1234", 1, "E_ODD", "It is odd.", ""))


def test_a_spent_budget_says_how_a_board_forgets_its_samples():
    for status in (Status.BUDGET_SPENT, Status.NO_NOISE):
        assert "`bytefed capture --erase`" in board_error("1234", status).remedy


def parse(words: list[str]) -> None:
    try:
        build_parser(words[0]).parse_args(words)
    except SystemExit as ended:
        assert ended.code == 0, words  # as --help ends


def filled_in(command: str) -> list[str]:
    return [STANDS_FOR.get(word, word.replace(":N", ":1")) for word in shlex.split(command)]


@pytest.mark.parametrize("found", SAID, ids=lambda found: f"{found.code}-{found.where}")
def test_a_remedy_names_what_exists(found):
    text = found.text
    for command in commands(text):
        words = filled_in(command)
        if (where := words_behind(text, command)) and words[0].startswith("-"):
            assert words[0] in options(WHERE[where]), f"{command} {where}"
            continue
        assert not words[0].startswith("-"), f"{command}: an option is no command, name it with its command"
        if words[0] == "bytefed":
            parse(words[1:])
        elif words[0] == "make":
            assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE), command
    assert "bytefed[" not in text, "a checkout has no such package to install, and nobody has published one"
    for words in re.findall(r"pip install ([\w '<>=-]+)", text):
        named = {re.split(r"[<>=]", word)[0] for word in shlex.split(words) if not word.startswith("--")}
        assert named <= PACKAGES | {ANYTHING}
    for name in named_options(text):
        without = [command for command in found.commands if name not in options(command)]
        assert not without, f"{name} is no option of {without}"
    for place, name in re.findall(
        rf"({SHIPPED})?\b((?:docs|models|tools)/[\w./-]+\.\w+)",
        text.replace(f"models/{ANYTHING}/", "models/digits/"),
    ):
        assert place, f"an install has no {name} in its folder: name it by checkout.shipped"
        assert (ROOT / name).is_file(), name


@pytest.mark.parametrize(
    "text",
    [
        "Run `bytefed rum --rounds 3`.",
        "Run `bytefed run --roundz 3`.",
        "Say it with --roundz.",
        "Say it with --rounds.",  # of other commands than this one
        "Take `--boards loopback:N`.",
        "Run: pip install 'bytefed[all]'",
        "Run: pip install tensorflower",
        "docs/sound.md shows it.",
        "/shipped/docs/nothing.md shows it.",
        "Build it: `make nothing`",
    ],
)
def test_the_check_itself_can_fail(text):
    with pytest.raises((AssertionError, SystemExit)):
        test_a_remedy_names_what_exists(Remedy("cli/commands/board.py:1", "E_X", text))


# Errors, brought about.


def test_each_code_is_brought_about_or_it_is_said_why_not():
    codes = {found.code for found in ALL} - NEEDS_NONE
    assert codes == {*WAYS, *NOT_RUN}
    assert not {*WAYS} & {*NOT_RUN}
    assert all(NOT_RUN.values())


def end(words: list[str]) -> int:
    try:
        return main(words)
    except SystemExit as ended:
        return int(ended.code or 0)


def do_what_is_said(remedy: str, place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Run the commands of bytefed that a remedy names, in the place that it is about."""
    for command in commands(remedy):
        words = filled_in(place.made_real(command))
        if words[0] != "bytefed" or len(words) == 1 or place.is_left_out(words):
            continue
        status = end(words[1:])
        assert status == 0, f"{command} -> {capsys.readouterr().err}"


@pytest.mark.parametrize(
    ("code", "way"),
    [(code, way) for code, ways in WAYS.items() for way in ways],
    # Names of functions would stand with their addresses, which differ from process to process.
    ids=lambda value: f"way-{value.__qualname__.partition('.')[0]}" if callable(value) else str(value)[:40],
)
def test_what_an_error_says_can_be_done(code, way, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    place = Place(tmp_path, monkeypatch)
    with monkeypatch.context() as place.patch:
        words = shlex.split(way(place) if callable(way) else way)
        capsys.readouterr()
        with place.at_end:
            assert end(words) in (1, 2)
    said = capsys.readouterr().err
    assert f"error[{code}]" in said
    error, _, remedy = said[said.index(f"error[{code}]") :].partition("\n  -> ")
    assert "Traceback" not in said
    assert remedy.strip()
    assert "\n" not in error
    assert not re.search(r"\d\.\d+e\+|(?<![\d,])1 (?:client|board|class|round|sample|owner)e?s", said)
    strange = named_options(remedy) - options(words[0])
    assert not strange, f"{strange} of `bytefed {words[0]}`"
    do_what_is_said(remedy, place, capsys)
