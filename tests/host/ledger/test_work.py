"""The instructions of a round are those that docs/cost.md tells, which an emulator counted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bytefed import codec
from bytefed.ledger import work
from bytefed.ledger.air import DEFAULT_TABLE, AirTable
from bytefed.ledger.wire_size import ble_profile, sealed_profile

PAGE = (Path(__file__).parents[3] / "docs" / "cost.md").read_text(encoding="utf-8")
OPEN, SEALED = ble_profile(247), sealed_profile(ble_profile(247))


def figure(row: str, column: int = 0) -> float:
    found = re.search(rf"^\| {re.escape(row)} \|(.*)\|$", PAGE, re.MULTILINE)
    assert found, row
    return float(found[1].split("|")[column].replace(",", ""))


@pytest.mark.parametrize("features", [32, 64, 128, 256])
@pytest.mark.parametrize(("column", "classes"), [(0, 2), (1, 4), (2, 10)])
def test_a_step_of_any_size(features, column, classes):
    assert work.step_instructions(features, classes) == pytest.approx(
        figure(str(features), column), rel=0.002
    )


@pytest.mark.parametrize("features", [32, 64, 128, 256])
@pytest.mark.parametrize(("column", "classes"), [(0, 2), (1, 4), (2, 10)])
def test_a_sample_with_noise_of_any_size(features, column, classes):
    told = figure(f"D = {features}", column)
    assert work.sample_instructions(features, classes, noises=True) == pytest.approx(told, rel=0.002)


def test_noise_is_drawn_for_each_parameter():
    assert f"{work.NOISE_DRAWN:,} instructions (epsilon 4" in PAGE
    more = work.round_instructions(OPEN, "onebit", 32, 4, noises=True)
    assert more - work.round_instructions(OPEN, "onebit", 32, 4) == 33 * 4 * work.NOISE_DRAWN


def test_all_else_of_a_round():
    assert work.sample_instructions(64, 10) == pytest.approx(figure("the same in an epoch"), rel=0.002)
    assert figure("handshake") == work.HANDSHAKE
    assert figure("frame with a body of 64 B, sealed") + figure("the same, opened") == work.SEALED_FRAME


def test_a_round_codes_a_head_of_its_own_size_and_seals_where_there_is_a_key():
    assert work.round_instructions(OPEN, "onebit", 64, 10) == codec.instructions("onebit")
    half = work.round_instructions(OPEN, "onebit", 64, 5)
    assert half == pytest.approx(codec.instructions("onebit") / 2)
    assert work.round_instructions(SEALED, "onebit", 64, 5) - half == work.SEALED_FRAME
    assert work.connection_instructions(OPEN) == 0
    assert work.connection_instructions(SEALED) == work.HANDSHAKE


def test_the_table_says_how_fast_the_processor_is(tmp_path):
    assert AirTable.load().mips == 42.4
    cycles, instructions = (float(re.sub(",", "", text)) for text in ("6,158", "4,078"))
    assert "| 64 | 4,078 | 6,158 |" in PAGE
    assert AirTable.load().mips == pytest.approx(64 * instructions / cycles, rel=0.001)
    path = tmp_path / "mine.toml"
    text = DEFAULT_TABLE.read_text(encoding="utf-8")
    path.write_text(text.replace("compute_mips = 42.4", "compute_mips = 10"), encoding="utf-8")
    assert AirTable.load(path).mips == 10
