"""Secure sums in worlds that lose messages, links and boards: a sum is the plain sum of integers, or there is none."""

from __future__ import annotations

import os
import sys

from sum_worlds import run_worlds

WORLDS = int(os.environ.get("BYTEFED_SUM_WORLDS", "150"))
"""How many; docs/secure_sum.md has the figures of more."""


def test_a_sum_is_the_plain_sum_of_integers_or_there_is_none() -> None:
    found = run_worlds(range(WORLDS))
    sys.stdout.write(
        f"worlds of the seeds 0 to {WORLDS - 1}: {found.summed} sums, {found.lost} boards lost in them,"
        f" {found.void} void rounds; sums with noise that hides {dict(found.noisy.most_common())};"
        f" {found.spent} budgets kept; {found.refused} boards refused to uncover a sum of too few;"
        f" something happened at {dict(found.hits.most_common())}\n"
    )
    assert found.summed > WORLDS and found.void and found.lost
    assert len(found.noisy) == 2 and min(found.noisy.values()) > WORLDS // 5 and found.spent > WORLDS
    assert found.refused
    assert {"MASK", "MASKED", "PEERS", "PEERED", "NEXT", "UNMASK", "UNMASKED"} <= set(found.hits)
