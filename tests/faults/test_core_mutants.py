"""Each core that is broken on purpose, by one list of mutants or another, is found out by the core's tests."""

from __future__ import annotations

import shutil
from pathlib import Path

import mask_mutants
import noise_mutants
import pytest
import seal_mutants
import share_mutants
import use_mutants
from core_mutants import CoreMutant, is_found, whole_tests

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("c++") is None, reason="needs a C++ compiler"),
]
LISTS = {
    "seal": seal_mutants,
    "mask": mask_mutants,
    "noise": noise_mutants,
    "share": share_mutants,
    "use": use_mutants,
}
MUTANTS = [
    pytest.param(name, mutant, id=f"{name}: {mutant.name}")
    for name, module in LISTS.items()
    for mutant in module.MUTANTS
]


@pytest.fixture(scope="module")
def objects(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, tuple[str, ...]]:
    """Objects of the core as it is, with the tests of one list, which pass; and these tests."""
    suites = LISTS[request.param].SUITES
    return whole_tests(tmp_path_factory.mktemp, suites), suites


@pytest.mark.parametrize(("objects", "mutant"), MUTANTS, indirect=["objects"])
def test_a_broken_core(mutant: CoreMutant, tmp_path: Path, objects: tuple[Path, tuple[str, ...]]) -> None:
    assert is_found(mutant, tmp_path, *objects)
