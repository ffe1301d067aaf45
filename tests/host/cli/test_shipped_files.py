"""Errors and helps name files that are there, in a checkout and in an install; test_wheel.py looks into a wheel."""

from __future__ import annotations

import pytest

from bytefed import checkout
from bytefed.cli.commands import COMMANDS
from bytefed.cli.parser import build_parser, last_parsers


def test_a_checkout_has_its_own():
    for name in ("docs/your-data.md", "models/README.md", "tools/arduino_library.py"):
        assert checkout.shipped(name) == checkout.CHECKOUT / name
        assert checkout.shipped(name).is_file()


def test_an_install_has_them_in_the_package(tmp_path, monkeypatch):
    monkeypatch.setattr(checkout, "CHECKOUT", tmp_path / "site-packages")
    assert checkout.shipped("docs/your-data.md") == checkout.PACKAGE / "project/docs/your-data.md"
    assert checkout.shipped("models/README.md") == checkout.PACKAGE / "models/README.md"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_help_that_names_a_page_says_where_it_is(command):
    for parser in last_parsers(build_parser(command)):
        before, _, where = parser.format_help().rpartition("\ndocs/: ")
        assert bool(before) == ("docs/" in (before or where)), parser.prog
        if before:
            assert where == f"{checkout.CHECKOUT / 'docs'}\n"
