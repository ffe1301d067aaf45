"""Each broken host or board is found out by the worlds."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from mutants import BOARDS, HOSTS, Mutant, survives
from shared_board import CORE, build_shared_board, shared_board
from world import Setting, try_world

needs_compiler = pytest.mark.skipif(shutil.which("c++") is None, reason="needs a C++ compiler")


@pytest.mark.slow
@needs_compiler
@pytest.mark.parametrize("mutant", BOARDS, ids=lambda mutant: mutant.name)
def test_broken_board(mutant: Mutant, tmp_path):
    assert survives(mutant, tmp_path / "core") is None


@pytest.mark.slow
@pytest.mark.parametrize("mutant", HOSTS, ids=lambda mutant: mutant.name)
def test_broken_host(mutant: Mutant, tmp_path):
    assert survives(mutant, tmp_path / "host") is None


def test_the_table_of_fields_names_them_all():
    table = Path(__file__).parents[2].joinpath("DESIGN.md").read_text(encoding="utf-8")
    assert not {mutant.name for mutant in BOARDS + HOSTS if mutant.name not in table}


@pytest.mark.slow
@needs_compiler
def test_a_board_built_apart_is_like_the_other(tmp_path):
    build_shared_board(CORE, tmp_path / "board.so")
    assert try_world(Setting(), shared_board(str(tmp_path / "board.so"))).frames > 50
