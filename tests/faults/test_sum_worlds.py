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
        f"{WORLDS} worlds: {found.summed} sums, {found.lost} boards lost in them, {found.void} void rounds;"
        f" something happened at {dict(found.hits.most_common())}\n"
    )
    assert found.summed > WORLDS and found.void and found.lost
    assert {"MASK", "MASKED", "PEERS", "PEERED", "NEXT", "UNMASK", "UNMASKED"} <= set(found.hits)
