"""docs/security.md: its costs are those of the closed forms, and each test that it names is there."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from bytefed.ledger import wire_size

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text()
PROFILES = {"BLE 247": wire_size.ble_profile(247), "serial": wire_size.serial_profile()}
NAMED = sorted(set(re.findall(r"`(?:[\w/]+/)?(test_\w+\.(?:py|cpp))(?:::(\w+))?`", PAGE)))


def rows(name: str) -> list[list[str]]:
    """Return the cells of a table behind its mark, without its two head lines."""
    table = PAGE.partition(f"<!-- {name} -->")[2].partition("<!-- end -->")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.strip().splitlines()[2:]]


def test_costs_are_those_of_the_closed_forms() -> None:
    table = rows("costs of sealing")
    assert len(table) == 12
    for what, *shown in table:
        link, rest = what.split(", ", 1)
        profiles = (PROFILES[link], replace(PROFILES[link], sealed=True))
        if rest == "a connection":
            bare, sealed = (wire_size.connection_bytes(profile).wire_total for profile in profiles)
            more = ""
        else:
            features, codec = rest.split(", ")
            bare, sealed = (
                wire_size.round_bytes(profile, int(features), 10, codec, codec).wire_total
                for profile in profiles
            )
            more = f"+{100 * (sealed / bare - 1):.1f} %"
        assert shown == [f"{bare:,}", f"{sealed:,}", more]


@pytest.mark.parametrize(("file", "name"), NAMED, ids=lambda word: word)
def test_each_test_that_is_named_is_there(file: str, name: str) -> None:
    paths = list((ROOT / "tests").rglob(file))
    assert len(paths) == 1
    text = paths[0].read_text()
    assert not name or f"def {name}(" in text or f"TEST({name})" in text


def test_each_attack_has_a_test() -> None:
    assert len(NAMED) > 20
    assert all("`" in row[-1] or (row[-1] == "the same" and "`" in row[1]) for row in rows("attacks"))
    assert all("`" in row[-1] for row in rows("closed"))
