"""The kept inputs of the host's parsers, and a few new ones; `make test-fuzz` and `make fuzz` try many."""

from __future__ import annotations

import pytest

pytest.importorskip("resource", reason="limits of memory need a POSIX system")

import corpus
from host_parsers import TARGETS, Target, check, fuzz, seeds_of

from bytefed.errors import BytefedError, DataError


@pytest.mark.parametrize("name", TARGETS)
def test_kept_inputs(name):
    for data in seeds_of(name):
        check(TARGETS[name], data)


@pytest.mark.parametrize("name", TARGETS)
def test_new_inputs(name):
    assert "no fault" in fuzz(name, 200, 60.0, seed=7) or not TARGETS[name].seeds()


def test_kept_inputs_are_those_of_targets():
    assert {path.partition("/")[0] for path in corpus.read("host")} <= TARGETS.keys()


def test_an_archive_has_the_same_bytes_for_the_same_inputs_and_keeps_an_input_once(tmp_path, monkeypatch):
    before = {archive.name: archive.read_bytes() for archive in corpus.CORPUS.iterdir()}
    inputs = {name: corpus.read(name.removesuffix(".tar.gz")) for name in before}
    monkeypatch.setattr(corpus, "CORPUS", tmp_path)
    for name, kept in inputs.items():
        corpus.write(name.removesuffix(".tar.gz"), dict(reversed(kept.items())))
        assert corpus.read(name.removesuffix(".tar.gz")) == kept
    packed = (tmp_path / "session.tar.gz").read_bytes()
    (tmp_path / "new").write_bytes(b"a new input")
    corpus.add("session", [tmp_path / "new"])
    corpus.add("session", [tmp_path / "new"])
    assert len(corpus.read("session")) == len(inputs["session.tar.gz"]) + 1
    corpus.unpack("session", tmp_path / "unpacked")
    assert b"a new input" in {path.read_bytes() for path in (tmp_path / "unpacked").iterdir()}
    corpus.write("session", inputs["session.tar.gz"])
    assert (tmp_path / "session.tar.gz").read_bytes() == packed


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
