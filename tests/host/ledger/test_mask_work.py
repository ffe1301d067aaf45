"""The instructions of secure sums are those that docs/cost.md tells, which an emulator counted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bytefed.ledger import mask_work
from bytefed.ledger.wire_size import ble_profile, sealed_profile
from bytefed.ledger.work import SEALED_FRAME
from bytefed.masks.form import CODECS, Form

PAGE = (Path(__file__).parents[3] / "docs" / "cost.md").read_text(encoding="utf-8")
SUMS = PAGE[PAGE.index("## Secure sums") : PAGE.index("## Memory")]
OPEN, SEALED = ble_profile(247), sealed_profile(ble_profile(247))


def figures(row: str) -> list[int]:
    found = re.search(rf"^\| {re.escape(row)} \|(.*)\|$", SUMS, re.MULTILINE)
    assert found, row
    return [int(cell.replace(",", "")) for cell in found[1].split("|") if re.fullmatch(r"[ \d,]*\d ", cell)]


def form_of(codec: str, boards: int, *, shares: bool = False) -> Form:
    return Form(codec, 330, boards, statistics=True, shares=shares)


@pytest.mark.parametrize("codec", CODECS)
def test_lanes_and_masks_of_each_codec(codec):
    for boards, coded, hidden in ((8, *figures(codec)[:2]), (64, *figures(codec)[2:4])):
        form = form_of(codec, boards)
        assert mask_work.hiding_instructions(form) == pytest.approx(hidden, rel=0.01)
        assert mask_work.encoding_instructions(form) == pytest.approx(coded, rel=0.03)


@pytest.mark.parametrize("codec", ["float32", "int8"])
def test_a_share_of_the_noise(codec):
    shared = mask_work.encoding_instructions(form_of(codec, 64, shares=True))
    assert shared == pytest.approx(figures(codec)[4], rel=0.001)


def test_masks_are_set_up_once_and_bound_to_each_round():
    assert figures("a board's own point") == [mask_work.OWN_POINT]
    assert figures("a neighbour's point") == [mask_work.NEIGHBOUR]
    assert mask_work.setup_instructions(OPEN, 8) == mask_work.OWN_POINT + 7 * mask_work.NEIGHBOUR
    frames = mask_work.setup_instructions(SEALED, 64) - mask_work.setup_instructions(OPEN, 64)
    assert frames == 3 * SEALED_FRAME  # MASK, and two PEERS with seven points each
    form = form_of("onebit", 8)
    beside = mask_work.encoding_instructions(form) + mask_work.hiding_instructions(form)
    digest = mask_work.masked_instructions(OPEN, form) - beside
    assert [digest] == pytest.approx(figures("what a round's masks are for"), rel=0.001)
