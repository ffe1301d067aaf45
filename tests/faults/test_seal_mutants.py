"""Each core whose seals are broken on purpose is found out by the core's tests."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from seal_mutants import MUTANTS, SealMutant, build_tests, is_found
from shared_board import CORE

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("c++") is None, reason="needs a C++ compiler"),
]


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Objects of the core as it is; its tests pass."""
    folder = tmp_path_factory.mktemp("objects")
    core = tmp_path_factory.mktemp("whole") / "core"
    shutil.copytree(CORE, core)
    subprocess.run([build_tests(core, folder)], check=True)
    return folder


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_broken_seal(mutant: SealMutant, tmp_path: Path, objects: Path) -> None:
    assert is_found(mutant, tmp_path, objects)
