"""Each mutant's text is still in its source: told at once, and not when the slow tests come to try it."""

from __future__ import annotations

import pytest
import test_core_mutants
import test_key_mutants
import test_power_loss
from core_mutants import CoreMutant
from mutants import BOARDS, HOST, HOSTS, Mutant
from shared_board import CORE

CAMPAIGN = [(mutant, CORE) for mutant in BOARDS] + [(mutant, HOST) for mutant in HOSTS]
OTHERS = [each[0] for each in test_key_mutants.MUTANTS] + [*test_power_loss.MUTANTS]
OF_CORE = [mutant for module in test_core_mutants.LISTS.values() for mutant in module.MUTANTS]


def test_every_replacement_fits_its_source():
    assert min(len(CAMPAIGN), len(OTHERS), len(OF_CORE)) > 20
    for mutant, sources in CAMPAIGN + [(mutant, HOST) for mutant in OTHERS]:
        assert mutant.files(sources)
    for mutant in OF_CORE:
        assert mutant.text()


def test_one_that_does_not_fit_is_told():
    with pytest.raises(LookupError, match="has 0 times 'no such text'"):
        CoreMutant("x", "session/session.cpp", "no such text", "").text()
    with pytest.raises(LookupError, match=r"bytefed/clock\.py has 0 times 'no such text'"):
        Mutant("x", "bytefed/events.py", (), elsewhere=(("bytefed/clock.py", "no such text", ""),)).files(
            HOST
        )
    with pytest.raises(LookupError, match="times 'import'"):
        Mutant("x", "bytefed/api.py", (("import", ""),)).files(HOST)
