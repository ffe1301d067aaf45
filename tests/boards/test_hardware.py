"""The checks of checks.py on boards that a person has: `make test-hardware BOARDS="serial:auto ble:auto"`."""

from __future__ import annotations

import pytest
from checks import CHECKS


@pytest.mark.parametrize("name", CHECKS)
def test_each_board(bench, name: str) -> None:
    bench.check_each(name, CHECKS[name])
