"""The kept inputs of the host's parsers, and a few new ones; `make test-fuzz` and `make fuzz` try many."""

from __future__ import annotations

import pytest

pytest.importorskip("resource", reason="limits of memory need a POSIX system")

from host_parsers import KEPT, TARGETS, Target, check, fuzz, seeds_of

from bytefed.errors import BytefedError, DataError


@pytest.mark.parametrize("name", TARGETS)
def test_kept_inputs(name):
    for data in seeds_of(name):
        check(TARGETS[name], data)


@pytest.mark.parametrize("name", TARGETS)
def test_new_inputs(name):
    assert "no fault" in fuzz(name, 200, 60.0, seed=7) or not TARGETS[name].seeds()


def test_kept_inputs_are_those_of_targets():
    assert {path.name for path in KEPT.iterdir()} <= TARGETS.keys()


@pytest.mark.parametrize(
    "error", [ValueError("no code"), BytefedError("E_X", "no remedy"), BytefedError("X", "no code", "remedy")]
)
def test_what_is_not_a_coded_error_is_a_fault(error):
    def parse(data: bytes) -> None:
        raise error

    with pytest.raises((ValueError, AssertionError)):
        check(Target(parse, list), b"")


def test_a_coded_error_is_none():
    def parse(data: bytes) -> None:
        raise DataError("E_DATA", "message", "remedy")

    check(Target(parse, list), b"")
