"""The house as it is described: a map with every package once, floor by floor, in the words of the package itself."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "host/bytefed"


def load_map():
    return load_tool("house_map")


def load_tool(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / f"tools/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_map_is_up_to_date():
    house_map = load_map()
    assert house_map.PAGE.read_text(encoding="utf-8") == house_map.page(), "python tools/house_map.py"


def test_the_map_has_every_package_and_module_once():
    found = [path.parent.name for path in PACKAGE.glob("*/__init__.py")]
    found += [path.stem for path in PACKAGE.glob("*.py") if not path.stem.startswith("__")]
    listed = [name for floor in load_map().floors() for name in floor]
    assert sorted(listed) == sorted(found)


def test_every_package_says_its_purpose_in_one_sentence():
    house_map = load_map()
    for name in (name for floor in house_map.floors() for name in floor):
        assert 10 < len(house_map.purpose(name)) < 160, name


def test_contributing_names_files_that_are_there():
    """The files that its recipes name exist; names in capitals stand for the reader's own."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    paths = set(re.findall(r"`((?:firmware|host|tests|tools|models|docs)/[\w./-]+)`", text))
    assert len(paths) > 20
    missing = [path for path in paths if not re.search(r"[A-Z]{3,}", path) and not (ROOT / path).exists()]
    assert missing == []


def test_everything_can_be_read_at_a_glance():
    """No function of the host has more than 60 lines, no class more than 250."""
    check = load_tool("check_sizes")
    assert check.main() == 0
    body = "    pass\n"
    assert [*check.too_large("def f():\n" + 59 * body)] == []
    assert [*check.too_large("def f():\n" + 60 * body)] == ["1: function f has 61 lines, 60 at most"]
    inner = "    async def f(self):\n" + 60 * ("    " + body)
    assert [*check.too_large("class A:\n" + inner)] == ["2: function f has 61 lines, 60 at most"]
    assert [*check.too_large("\nclass A:\n" + 250 * body)] == ["2: class A has 251 lines, 250 at most"]


FAULTS = """\
import no_such_module  # import-not-found
from json import no_such_name  # attr-defined
def two(a, b): ...
def test_a():
    two(1)  # call-arg
    two(1, 2, c=3)  # call-arg
    two(1, 2, a=3)  # misc
    unknown()  # name-defined
    "".push(1)  # attr-defined
    first, second = (1, 2, 3)  # misc
    two("annotations", None)
"""
"""Each line with the code of its error."""


def test_calls_that_do_not_fit_are_told(tmp_path):
    """In functions without annotations, too; types are not looked at."""
    pytest.importorskip("mypy", reason="needs mypy")
    check = load_tool("check_calls")
    told = check.complaints([check.BuildSource("tests/faults.py", "faults", FAULTS)], str(tmp_path))
    found = [re.match(r"tests/faults.py:(\d+): error: .* \[(.+)\]", line) for line in told]
    codes = {int(match[1]): match[2] for match in found if match}
    lines = FAULTS.splitlines()
    assert codes == {number: line.rpartition("# ")[2] for number, line in enumerate(lines, 1) if "# " in line}


def test_every_script_is_looked_at_under_a_name_of_its_own():
    pytest.importorskip("mypy", reason="needs mypy")
    files = [*load_tool("check_calls").sources()]
    paths = {file.path for file in files}
    assert len({file.module for file in files}) == len(paths) == len(files)
    assert {"tests/ble/conftest.py", "models/digits/train.py", "docs/notebooks/four_boards.ipynb"} <= paths
