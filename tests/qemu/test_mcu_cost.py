"""The costs of the core: they meet the goals, counts repeat, and the recorded pages are right."""

from __future__ import annotations

import json
import re
from pathlib import Path

import emulated  # noqa: F401  # finds the two below
import pytest
from mcu_counts import AIFES_STEP, CODEC_COSTS, PAGE, codec_costs, count, page
from mcu_sizes import grown, measure, recorded

_TOLERANCE = 0.03


@pytest.fixture(scope="session")
def counts(images: Path) -> dict[str, int]:
    return count(images / "mcu-counts.elf")


def test_counts_repeat(counts: dict[str, int], images: Path) -> None:
    assert count(images / "mcu-counts.elf") == counts


def test_a_step_stays_below_its_goal(counts: dict[str, int]) -> None:
    assert counts["sgd_step_d64_c10_insn"] <= 4_000 + 320  # 320 for making the int8 features float
    assert counts["sgd_step_d256_c10_insn"] <= 13_500 + 320
    assert counts["sgd_step_d64_c10_insn"] * 19 <= AIFES_STEP[64]


def test_tuned_loops_are_faster_than_plain_ones(counts: dict[str, int]) -> None:
    tuned = {name: n for name, n in counts.items() if re.match(r"sgd_step_d", name)}
    assert len(tuned) >= 12
    for name, instructions in tuned.items():
        assert instructions < counts[name.replace("step_d", "step_plain_d")] / 2


def test_framing_takes_25_instructions_a_byte(counts: dict[str, int]) -> None:
    framing = {name: n for name, n in counts.items() if name.startswith("framing_")}
    assert len(framing) == 6
    assert max(framing.values()) <= 25 * 250


def test_sealed_links_stay_below_their_goals(counts: dict[str, int]) -> None:
    assert counts["seal_handshake_insn"] <= 3_100_000
    assert counts["seal_refused_insn"] <= 250_000
    assert max(counts["seal_frame_64_insn"], counts["open_frame_64_insn"]) <= 16_000
    assert counts["seal_handshake_stack_bytes"] <= 2_048


def test_memory_of_a_step_stays_below_its_goal(counts: dict[str, int]) -> None:
    assert counts["training_memory_d64_c10_bytes"] < 256
    assert 0 < counts["training_step_stack_bytes"] < 1024


def test_classifying_stays_below_its_goals(counts: dict[str, int]) -> None:
    """A window costs less than a step of training; its memory is less than 1 KB, a personal head apart."""
    at = "_d64_c10_insn"
    assert counts["evaluation_step" + at] < counts["watch_window" + at] < counts["sgd_step" + at]
    assert counts["watch_window" + at] < counts["watch_answer" + at] < 2 * counts["sgd_step" + at]
    assert 0 < counts["watch_shown" + at] < 1_500
    assert counts["watch_search" + at] < counts["sgd_step" + at]
    assert counts["watch_object_bytes"] + counts["watch_window_bytes"] < 1024
    assert 0 < counts["watch_stack_bytes"] < counts["session_stack_bytes"]


def test_the_page_of_costs_is_true(counts: dict[str, int]) -> None:
    told, found = _figures(PAGE.read_text(encoding="utf-8")), _figures(page(counts))
    assert len(told) == len(found), "docs/cost.md: say make bench-mcu RECORD=1"
    for line, (then, now) in enumerate(zip(told, found, strict=True)):
        assert now == pytest.approx(then, rel=_TOLERANCE), (
            f"figure {line} of docs/cost.md: make bench-mcu RECORD=1"
        )


def test_the_instructions_that_sweeps_show_are_true(counts: dict[str, int]) -> None:
    told, found = json.loads(CODEC_COSTS.read_text(encoding="utf-8")), codec_costs(counts)
    assert told.keys() == found.keys()
    for name, steps in found.items():
        assert steps == pytest.approx(told[name], rel=_TOLERANCE), "make bench-mcu RECORD=1"
    assert sum(found["onebit"].values()) < 60_000


def _figures(text: str) -> list[float]:
    return [float(figure.replace(",", "")) for figure in re.findall(r"\d[\d,]*(?:\.\d+)?", text)]


def test_flash_and_ram_have_not_grown(images: Path) -> None:
    _, found = measure(images)
    told = recorded()
    assert told.keys() == found.keys(), "docs/size.md: say make size RECORD=1"
    assert not grown(told, found), "(recorded, now); if it is worth it, say make size RECORD=1"


def test_growth_is_seen() -> None:
    then = {"flash": 1000, "RAM": 500}
    assert grown(then, {"flash": 1030, "RAM": 400}) == {}
    assert grown(then, {"flash": 1031, "RAM": 500}) == {"flash": (1000, 1031)}


def test_an_image_fits_in_63_kilobytes(images: Path) -> None:
    _, found = measure(images)
    # 16 seal its links, 4 are for labels and classifying, 4 for noise and its budget, 4 for secure sums, 1 for the
    # noise of whole boards, 1 for boards that hear, 1 tests its arithmetic
    assert found["flash of the image"] < 63 * 1024
