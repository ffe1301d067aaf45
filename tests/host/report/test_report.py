"""bytefed report without a browser: figures, exports, comparison, and directories that are not what they should be."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from synthetic import write_run

from bytefed.cli.main import main
from bytefed.errors import StoreError
from bytefed.report import charts, compare, findings, svg
from bytefed.report.chart import log_ticks, ticks
from bytefed.report.page import body, page
from bytefed.report.run_files import PARTS, find, load
from bytefed.runs.columns import read_columns
from bytefed.simulation.sweep import Setting, Trial, summarize


def test_figures_are_the_sums_of_the_files(tmp_path: Path) -> None:
    run = load(write_run(tmp_path / "run", 10, 4, faults=0.3))
    with (tmp_path / "run" / "bytes.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert run.wire == sum(int(row["wire_total"]) for row in rows)
    assert run.wcr == sum(int(row["estimate_wcr"]) for row in rows)
    assert run.parts == {part: sum(int(row[part]) for row in rows) for part in PARTS}
    text = page([run])
    assert f"{run.wire:,}" in text
    assert f"{run.estimate:,}" in text
    assert not run.exact


def test_exact_only_when_every_row_is(tmp_path: Path) -> None:
    directory = write_run(tmp_path / "run", 5, 3, faults=0)
    assert load(directory).exact
    path = directory / "sessions.csv"
    lines = path.read_text().splitlines()
    estimate = lines[0].split(",").index("estimate_wire")
    fields = lines[1].split(",")
    fields[estimate] = str(int(fields[estimate]) + 1)
    path.write_text("\n".join([lines[0], ",".join(fields), *lines[2:]]) + "\n")
    assert not load(directory).exact


def test_page_names_nothing_outside_itself(tmp_path: Path) -> None:
    text = page([load(write_run(tmp_path / "run", 5, 3))])
    assert re.search(r"https?:|//\w|<script|<link|<img|@import|url\(|\bsrc=", text) is None


def test_chart_points_add_up(tmp_path: Path) -> None:
    run = load(write_run(tmp_path / "run", 1000, 3))
    (stacked,) = (chart for chart in charts.causes(run) if chart.name == "causes-rounds")
    assert isinstance(stacked, charts.XY)
    assert len(stacked.stack[0].x) <= charts.MOST_COLUMNS
    assert "mean of 5 rounds" in stacked.note
    assert sum(5 * value for series in stacked.stack for value in series.y) == pytest.approx(run.wire)


def edited(run: Path, **keys: object) -> Path:
    """A run whose summary says something else; config keys by name, others with an underscore before them."""
    summary = json.loads((run / "summary.json").read_text())
    summary["config"] |= {name: value for name, value in keys.items() if not name.startswith("_")}
    summary |= {name[1:]: value for name, value in keys.items() if name.startswith("_")}
    (run / "summary.json").write_text(json.dumps(summary))
    return run


def cheaper(run: Path, factor: int) -> Path:
    """A run whose rounds took so many times fewer bytes."""
    with (run / "rounds.csv").open() as file:
        rows = list(csv.DictReader(file))
    with (run / "rounds.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({**row, "wire_total": int(row["wire_total"]) // factor} for row in rows)
    return run


def test_comparison_groups_seeds_and_finds_the_bytes_to_a_target(tmp_path: Path) -> None:
    for seed in (1, 2):
        write_run(tmp_path / f"full-{seed}", 60, 4, seed=seed, faults=0)
    edited(write_run(tmp_path / "small", 60, 4, seed=1, faults=0), codec="onebit")
    runs = [load(directory) for directory in find([tmp_path])]
    found = compare.groups(runs)
    assert [(group.label, len(group.runs)) for group in found] == [("float32", 2), ("onebit", 1)]
    base = compare.reference(found)
    assert base is found[0]
    goal = base.target(runs[0], 0.99)
    assert goal == pytest.approx(0.99 * sum(row.accuracy_global or 0 for row in runs[0].rounds[-5:]) / 5)
    reached = next(row.round for row in runs[0].rounds if (row.accuracy_held or 0) >= goal)
    connecting = sum(row.wire for row in runs[0].sessions)
    cost = connecting + sum(row.wire_total for row in runs[0].rounds[:reached])
    assert runs[0].bytes_to(goal) == pytest.approx(cost / 4)
    host = runs[0].bytes_to(goal, "accuracy_global")
    assert host is not None
    assert host < cost / 4
    stairs = compare.frontier(runs)
    assert stairs == sorted(stairs)


def test_only_comparable_runs_are_compared(tmp_path: Path) -> None:
    runs = [
        load(write_run(tmp_path / "one", 60, 4)),
        load(write_run(tmp_path / "two", 60, 4, seed=8)),
        load(write_run(tmp_path / "more", 60, 5)),
        load(edited(write_run(tmp_path / "other", 60, 4), _task="motion")),
        load(edited(write_run(tmp_path / "simulated", 60, 4), _simulated=True)),
    ]
    parts = compare.comparable(runs)
    assert [[run.name for run in part.runs] for part in parts] == [
        ["one", "two"], ["more"], ["other"], ["simulated"]
    ]  # fmt: skip
    text = page(runs)
    assert text.count("At a glance") == 4
    assert "task (synthetic, motion)" in text
    assert "number of clients (4 clients, 5 clients)" in text
    assert "kind of run (on boards, simulated)" in text
    alone = page(runs[:2])
    assert alone.count("At a glance") == 1
    assert "can be compared" not in alone


def test_runs_of_one_seed_are_one_seed(tmp_path: Path) -> None:
    first = load(edited(write_run(tmp_path / "first", 60, 4), _complete=False))
    again = load(write_run(tmp_path / "again", 60, 4))
    (group,) = compare.groups([first, again])
    assert [run.name for run in group.runs] == ["again"]
    assert [run.name for run in group.repeats] == ["first"]
    assert "Repeats of a seed" in page([first, again])


def test_what_is_not_complete_is_no_reference(tmp_path: Path) -> None:
    full = edited(write_run(tmp_path / "full", 60, 4), _complete=False)
    small = edited(write_run(tmp_path / "small", 60, 4), codec="onebit")
    assert compare.reference(compare.groups([load(full), load(small)])) is None
    assert "has a test set to measure by" in page([load(full), load(small)])
    edited(full, _complete=True)
    base = compare.reference(compare.groups([load(full), load(small)]))
    assert base is not None
    assert base.label == "float32"


def test_the_reference_is_float32_at_its_best(tmp_path: Path) -> None:
    slow = write_run(tmp_path / "slow", 60, 4)
    fast = cheaper(edited(write_run(tmp_path / "fast", 60, 4), learning_rate=0.1), 2)
    base = compare.reference(compare.groups([load(slow), load(fast)]))
    assert base is not None
    assert base.runs[0].name == "fast"


def test_runs_that_differ_in_what_is_by_rule_are_named_so(tmp_path: Path) -> None:
    by_rule = edited(write_run(tmp_path / "rule", 20, 4), learning_rate=0.0, local_epochs=0)
    given = edited(write_run(tmp_path / "given", 20, 4), learning_rate=0.1, local_epochs=3)
    first, second = (group.label for group in compare.groups([load(by_rule), load(given)]))
    assert {"learning_rate=by rule", "local_epochs=by rule"} <= {*first.split(", ")}
    assert {"learning_rate=0.1", "local_epochs=3"} <= {*second.split(", ")}


def test_the_saving_is_that_of_a_sweep(tmp_path: Path) -> None:
    full = write_run(tmp_path / "full", 60, 4)
    small = cheaper(edited(write_run(tmp_path / "small", 60, 4), codec="onebit"), 10)
    runs = [load(full), load(small)]
    values = []
    for run in runs:
        everywhere = np.array([row.accuracy_global for row in run.rounds])
        held = np.array([row.accuracy_held for row in run.rounds])
        values.append(Trial(everywhere, held, everywhere, held, np.array(run.spent)))
    same = {"data": "x", "alpha": 0.5, "local_epochs": 1, "learning_rate": 0.1, "batch_size": 8}
    settings = [
        Setting(**same, codec=codec, fraction_train=1.0, strategy="x", first_round="usual")
        for codec in ("float32", "onebit")
    ]
    row = summarize(settings[1], 330, {one: [trial] for one, trial in zip(settings, values, strict=True)})
    groups = compare.groups(runs)
    cost = groups[1].cost(groups[0], 0.99)
    assert cost is not None
    assert cost.mean == pytest.approx(row.bytes_99)
    assert f"{row.ratio_99:.2f} ×" in page(runs)


def test_a_logarithmic_axis_says_so(tmp_path: Path) -> None:
    runs = [load(write_run(tmp_path / name, 20, 4)) for name in ("a", "b")]
    (chart, *_) = compare.charts(compare.groups(runs))
    assert "kB, log)" in svg.draw(chart)
    assert "log)" not in svg.draw(charts.learning(runs[0])[1])


def test_names_stand_above_a_plot_and_leave_it_its_width(tmp_path: Path) -> None:
    (chart, *_) = charts.learning(load(write_run(tmp_path / "run", 20, 4)))
    labels = [label for label, *_ in svg.legend(chart)]
    assert {"test set", "central"} <= {*labels}
    drawing = svg.draw(chart)
    assert all(f">{label}<" not in drawing for label in labels)
    assert max(float(x) for x in re.findall(r"H([\d.]+)", drawing)) >= svg.WIDTH - 20


def test_csv_export_holds_the_numbers(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", 5, 3)
    assert main(["report", str(run), "-o", str(tmp_path / "a.html"), "--csv", str(tmp_path / "csv")]) == 0
    with (tmp_path / "csv" / "causes-total.csv").open() as file:
        total = sum(int(row["bytes"]) for row in csv.DictReader(file))
    assert total == load(run).wire
    with (tmp_path / "csv" / "boards.csv").open() as file:
        assert sum(int(row["wire_total"]) for row in csv.DictReader(file)) == total


def test_csv_export_disarms_formulas(tmp_path: Path) -> None:
    run = write_run(tmp_path / "=cmd()", 3, 2)
    assert main(["report", str(run), "-o", str(tmp_path / "a.html"), "--csv", str(tmp_path / "csv")]) == 0
    assert "\n'=cmd()" in (tmp_path / "csv" / "key-figures.csv").read_text()


@pytest.mark.parametrize(("kind", "magic"), [("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_figures_for_papers(tmp_path: Path, kind: str, magic: bytes) -> None:
    pytest.importorskip("matplotlib", reason="SKIPPED: needs the extra 'report'")
    runs = [str(write_run(tmp_path / name, 4, 2, faults=0.5)) for name in ("a$b", "c")]
    assert main(["report", *runs, "-o", str(tmp_path / "a.html"), f"--{kind}", str(tmp_path / kind)]) == 0
    files = sorted((tmp_path / kind).iterdir())
    assert {"compare-bytes", "run-001-causes-rounds"} <= {file.stem for file in files}
    assert all(file.read_bytes().startswith(magic) for file in files)


def test_tensorboard_files(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX", reason="SKIPPED: needs the extra 'report'")
    run = write_run(tmp_path / "run", 3, 2)
    assert (
        main(["report", str(run), "-o", str(tmp_path / "a.html"), "--tensorboard", str(tmp_path / "tb")]) == 0
    )
    (events,) = (tmp_path / "tb").rglob("events.out.tfevents.*")
    content = events.read_bytes()
    assert content.count(b"accuracy/global") == 3
    assert content.count(b"bytes/wire_so_far") == 3


def test_unfinished_run_says_so(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", 5, 3)
    (run / "summary.json").unlink()
    with (run / "bytes.csv").open("a") as file:
        file.write("0badcafe,6,abc")  # the process was killed here
    text = page([load(run)])
    assert "not complete" in text
    assert "last line of bytes.csv is cut off" in text


def test_run_without_rounds_says_so(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", 0, 3)
    assert "No round is over yet" in page([load(run)])


@pytest.mark.parametrize("missing", ["bytes.csv", "rounds.csv", "sessions.csv", "summary.json"])
def test_any_one_file_may_be_missing(tmp_path: Path, missing: str) -> None:
    run = write_run(tmp_path / "run", 5, 3)
    (run / missing).unlink()
    assert "</html>" in page([load(run)])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"a,b\n1,2\n",
        b"\xff\xfe\x00",
        b"round,board\n" + b"9" * 5000 + b",x\n",
    ],
)
def test_what_is_no_ledger_is_refused(tmp_path: Path, content: bytes) -> None:
    run = write_run(tmp_path / "run", 2, 2)
    (run / "bytes.csv").write_bytes(content)
    with pytest.raises(StoreError, match="E_RUN_CORRUPT"):
        load(run)


def test_a_report_and_a_program_read_the_same_files(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", 2, 2)
    assert read_columns(run / "rounds.csv")["accuracy_held"] == [
        row.accuracy_held for row in load(run).rounds
    ]
    with (run / "rounds.csv").open("a") as file:
        file.write("3,2\n")
    for read in (lambda: read_columns(run / "rounds.csv"), lambda: load(run)):
        with pytest.raises(StoreError, match="line 4 has 2 fields, not 14"):
            read()


@pytest.mark.parametrize("value", ["-1", "1e5", "x", "9" * 30, "0x10", "nan"])
def test_what_is_no_count_is_refused(tmp_path: Path, value: str) -> None:
    run = write_run(tmp_path / "run", 2, 2)
    text = (run / "bytes.csv").read_text()
    (run / "bytes.csv").write_text(text.replace(",1320,1320,", f",{value},1320,", 1))
    with pytest.raises(StoreError, match="E_RUN_CORRUPT"):
        load(run)


@pytest.mark.parametrize(
    "document", ["[]", "{", "[" * 100_000, '{"config": 3, "seeds": [], "versions": {"a": [{}]}}']
)
def test_a_broken_summary_does_not_hide_the_bytes(tmp_path: Path, document: str) -> None:
    run = write_run(tmp_path / "run", 2, 2)
    (run / "summary.json").write_text(document)
    assert f"{load(run).wire:,}" in page([load(run)])


def test_errors_have_codes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(tmp_path / "nothing")]) == 1
    assert "E_RUN_MISSING" in capsys.readouterr().err
    run = write_run(tmp_path / "run", 2, 2)
    assert main(["report", str(run), "-o", str(tmp_path / "no" / "such" / "page.html")]) == 1
    assert "E_REPORT_WRITE" in capsys.readouterr().err


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0.3, 0.98), (0, 452_188), (5, 5), (0, 3)])
def test_ticks_embrace_the_values(low: float, high: float) -> None:
    found = ticks(low, high, 5)
    assert found[0] <= low
    assert found[-1] >= high
    assert 2 <= len(found) <= 9


def test_log_ticks_stay_inside() -> None:
    assert log_ticks(1500, 450_000) == pytest.approx([3e3, 1e4, 3e4, 1e5, 3e5])


# Findings: what summary.json says beyond figures.


def test_a_run_says_who_has_which_labels_and_what_is_taken_for_what(tmp_path: Path) -> None:
    run = tmp_path / "run"
    options = [
        "--boards",
        "loopback:3",
        "--rounds",
        "3",
        "--local-epochs",
        "1",
        "--quiet",
        "--run-dir",
        str(run),
    ]
    assert main(["run", *options]) == 0
    summary = json.loads((run / "summary.json").read_text())
    clients, confusion = summary["clients"], np.array(summary["confusion"])
    assert [sum(entry["train"]) for entry in clients.values()] == [
        row.num_examples for row in load(run).rows if row.round == 1
    ]
    assert confusion.sum() == summary["test_samples"]
    assert np.trace(confusion) / confusion.sum() == pytest.approx(summary["accuracy_final"])
    own = [entry["accuracy_test"]["3"] * sum(entry["test"]) for entry in clients.values()]
    tested = sum(sum(entry["test"]) for entry in clients.values())
    assert sum(own) / tested == pytest.approx(summary["accuracy_boards_final"], abs=1e-5)
    text = page([load(run)])
    for words in ("Who has which labels", "taken for which", "Loss by round", "Accuracy board by board"):
        assert words in text
    assert summary["ended"] in text
    assert "<dt>command</dt>" in text
    assert f"{summary['test_samples']} test samples" in text


def test_a_simulation_says_so_too(tmp_path: Path) -> None:
    run = tmp_path / "run"
    options = ["--clients", "5", "--rounds", "2", "--local-epochs", "1", "--run-dir", str(run)]
    assert main(["simulate", *options]) == 0
    text = page([load(run)])
    assert "Who has which labels" in text
    assert json.loads((run / "summary.json").read_text())["clients"].keys() == {
        row.board for row in load(run).rows
    }


def test_intervals_are_wilsons() -> None:
    low, high = findings.wilson(8, 10)
    assert (low, high) == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))
    assert findings.wilson(10, 10)[1] == pytest.approx(1.0)
    assert findings.wilson(0, 10)[0] == pytest.approx(0.0)


@pytest.mark.parametrize(
    "entries",
    [
        {"_clients": [], "_confusion": {}, "_test_samples": "x"},
        {"_clients": {"a": {"train": ["<b>"], "test": None, "accuracy_test": {"x": 1, "1": "y", "2": [3]}}}},
        {"_clients": {"a": {"train": [1e9] * 99}}, "_confusion": [[1], [2, 3]], "_class_names": [1]},
        {"_confusion": [[-1]], "_test_samples": -3, "_ended": {"a": "<b>"}, "_command": ["<b>"]},
    ],
)
def test_findings_that_are_none_are_left_out(tmp_path: Path, entries: dict[str, object]) -> None:
    text = page([load(edited(write_run(tmp_path / "run", 5, 3), **entries))])
    assert "<b>" not in text
    assert "Who has which" not in text
    assert "taken for which" not in text


def test_a_live_page_says_how_far_the_run_is(tmp_path: Path) -> None:
    directory = write_run(tmp_path / "run", 5, 3)
    (directory / "summary.json").unlink()
    (directory / "config.resolved.toml").write_text("rounds = 20\n")
    text = body([load(directory)], live=True)
    assert "running: 5 of 20 rounds done, about 22 s left" in text
    assert "not complete" not in text
    assert "not complete: round 5 of 20" in body([load(directory)])
