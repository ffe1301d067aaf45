"""Going on with a run that is complete, and the command lines that made a run."""

from __future__ import annotations

import json

import pytest

import bytefed
from bytefed.cli.main import main


@pytest.fixture
def complete(tmp_path):
    """The directory of a run of three rounds."""
    folder = tmp_path / "it"
    assert main(["run", "--boards", "loopback:2", "--rounds", "3", "--quiet", "--run-dir", str(folder)]) == 0
    return folder


@pytest.mark.parametrize("more", [(), ("--rounds", "2"), ("--boards", "serial:/dev/none")])
def test_a_complete_run_is_shown_and_no_board_is_touched(complete, more, capsys):
    before = {path.name: path.read_bytes() for path in complete.glob("*.[cj]s*")}
    capsys.readouterr()
    assert main(["run", "--resume", str(complete), *more]) == 0
    said = capsys.readouterr().out
    assert "is complete (3 rounds)" in said
    assert "bytes in rounds" in said
    assert "rounds 4 to" not in said
    assert {path.name: path.read_bytes() for path in complete.glob("*.[cj]s*")} == before


def test_scripts_are_told_too(complete, capsys):
    capsys.readouterr()
    assert main(["run", "--resume", str(complete), "--json"]) == 0
    *_, known, end = map(json.loads, capsys.readouterr().out.splitlines())
    assert (known["event"], known["rounds"]) == ("already_complete", 3)
    assert end["summary"]["rounds"] == 3
    assert len(bytefed.resume(complete).rounds["round"]) == 3


def test_a_lost_summary_is_made_again(complete):
    (complete / "summary.json").write_text("{}")
    assert main(["run", "--resume", str(complete), "--quiet"]) == 0
    assert json.loads((complete / "summary.json").read_text())["rounds"] == 3


def test_a_complete_run_goes_on_for_longer(complete):
    assert main(["run", "--resume", str(complete), "--rounds", "4", "--quiet"]) == 0
    assert json.loads((complete / "summary.json").read_text())["rounds"] == 4


def test_the_first_command_line_is_kept_beside_those_that_went_on(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "it"

    def bytefed_run(*words):
        monkeypatch.setattr("sys.argv", ["/usr/bin/bytefed", "run", *words])
        assert main(["run", *words, "--quiet"]) == 0
        return json.loads((folder / "summary.json").read_text())

    first = bytefed_run("--boards", "loopback:2", "--rounds", "1", "--run-dir", str(folder))
    bytefed_run("--resume", str(folder), "--rounds", "2")
    summary = bytefed_run("--resume", str(folder), "--rounds", "3")
    assert (
        summary["command"]
        == first["command"]
        == f"bytefed run --boards loopback:2 --rounds 1 --run-dir {folder}"
    )
    assert summary["resumed"] == [f"bytefed run --resume {folder} --rounds {n}" for n in (2, 3)]
    assert main(["report", str(folder)]) == 0
    page = (folder / "report.html").read_text()
    assert all(line in page for line in (summary["command"], *summary["resumed"]))
