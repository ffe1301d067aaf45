"""Each core whose share of the noise for whole boards is broken is found out by the core's tests."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from seal_mutants import CoreMutant, is_found, whole_tests
from share_mutants import MUTANTS, SUITES

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("c++") is None, reason="needs a C++ compiler"),
]


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Objects of the core as it is; its tests pass."""
    return whole_tests(tmp_path_factory.mktemp, SUITES)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_board_that_tells_too_much(mutant: CoreMutant, tmp_path: Path, objects: Path) -> None:
    assert is_found(mutant, tmp_path, objects, SUITES)
