"""Each broken host or board is found out: the worlds would notice."""

from __future__ import annotations

import shutil

import pytest
from mutants import BOARDS, HOSTS, Mutant, survives
from shared_board import CORE, build_shared_board, shared_board
from world import Setting, try_world

pytestmark = pytest.mark.slow
needs_compiler = pytest.mark.skipif(shutil.which("c++") is None, reason="needs a C++ compiler")


@needs_compiler
@pytest.mark.parametrize("mutant", BOARDS, ids=lambda mutant: mutant.name)
def test_broken_board(mutant: Mutant, tmp_path):
    assert survives(mutant, tmp_path / "core") is None


@pytest.mark.parametrize("mutant", HOSTS, ids=lambda mutant: mutant.name)
def test_broken_host(mutant: Mutant, tmp_path):
    assert survives(mutant, tmp_path / "host") is None


@needs_compiler
def test_a_board_built_apart_is_like_the_other(tmp_path):
    build_shared_board(CORE, tmp_path / "board.so")
    assert try_world(Setting(), shared_board(str(tmp_path / "board.so"))).frames > 50
