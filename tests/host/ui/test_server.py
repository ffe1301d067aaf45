"""The page's files, the estimate, and runs with their reports."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from bytefed.ledger.estimate import link_profile, predict
from bytefed.ledger.planned_run import PlannedRun

STATIC = Path(__file__).resolve().parents[3] / "host/bytefed/ui/static"
CSV = Path(__file__).resolve().parents[1] / "report"


def test_the_page_names_no_file_that_is_not_there(browser: TestClient):
    named = re.findall(r'(?:href|src)="(/static/[^"]+)"', browser.get("/").text)
    for script in STATIC.glob("*.js"):
        named += [f"/static/{name}" for name in re.findall(r'from "\./([^"]+)"', script.read_text("utf-8"))]
    assert len(set(named)) >= 5
    assert [path for path in named if browser.get(path).status_code != 200] == []


def test_each_file_of_the_page_is_served(browser: TestClient):
    for path in STATIC.iterdir():
        if path.name != "index.html":
            assert browser.get(f"/static/{path.name}").text == path.read_text("utf-8")


def test_the_page_asks_nothing_of_the_network():
    for path in STATIC.iterdir():
        assert re.findall(r"https?://(?!www\.w3\.org/)", path.read_text("utf-8")) == []


def test_no_other_file_is_served(browser: TestClient):
    assert browser.get("/static/index.html").status_code == 404
    assert browser.get("/static/..%2f__init__.py").status_code == 404


@pytest.mark.parametrize("link", ["serial", "ble"])
def test_the_estimate_is_the_exact_one(browser: TestClient, link: str):
    given = {"link": link, "clients": 5, "rounds": 30, "features": 16, "classes": 4, "codec": "int8/onebit"}
    found = browser.get("/api/estimate", params={**given, "fraction_train": 0.4}).json()
    shape = {"features": 16, "classes": 4, "codecs": ("int8", "onebit")}
    exact = predict(link_profile(link), PlannedRun(**shape, clients=5, rounds=30, fraction_train=0.4))
    assert found["total"]["total"] == exact.total.wire_total
    assert found["rounds"]["up"] == exact.rounds.wire_up
    assert sum(found["causes"].values()) == found["board_round"]["total"] == exact.board_round.wire_total
    assert found["participants"] == 2


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"rounds": "0"}, "E_CONFIG_RANGE"),
        ({"rounds": "65535", "clients": "10000000"}, "E_CONFIG_RANGE"),
        ({"rounds": "many"}, "E_CONFIG_TYPE"),
        ({"fraction_train": "nan"}, "E_CONFIG_RANGE"),
        ({"sealed": "perhaps"}, "E_CONFIG_TYPE"),
        ({"roundz": "1"}, "E_CONFIG_KEY"),
        ({"codec": "int9"}, "E_CONFIG_CODEC"),
        ({"link": "pigeon"}, "E_CONFIG_CHOICE"),
        ({"link": "ble", "mtu": "23"}, "E_MTU_SMALL"),
    ],
)
def test_settings_that_cannot_be_say_why(browser: TestClient, given: dict[str, str], code: str):
    answer = browser.get("/api/estimate", params=given)
    assert answer.status_code == 400
    assert answer.json()["code"] == code
    assert answer.json()["remedy"]


def test_runs_are_listed_with_their_reports(browser: TestClient, tmp_path: Path):
    assert browser.get("/api/runs").json()["runs"] == []
    run = tmp_path / "runs" / "one"
    run.mkdir(parents=True)
    header = "round,accuracy_global,wire_total,estimate_wire"
    (run / "rounds.csv").write_text(f"{header}\n1,0.5,100,100\n2,0.75,90,90\n")
    (line,) = browser.get("/api/runs").json()["runs"]
    assert (line["name"], line["rounds"], line["accuracy"], line["wire"]) == ("one", 2, 0.75, 190)
    assert not line["complete"]
    report = browser.get("/runs/one/report")
    assert report.status_code == 200
    assert "<svg" in report.text
    shutil.rmtree(run)
    assert browser.get("/runs/one/report").status_code == 400


def test_a_run_that_goes_on_is_shown_as_it_is(browser: TestClient, tmp_path: Path):
    run = tmp_path / "runs" / "one"
    run.mkdir(parents=True)
    rounds = run / "rounds.csv"
    rounds.write_text("round,accuracy_global,wire_total,estimate_wire\n1,0.5,100,100\n")
    assert "live" in browser.get("/runs/one/live/").text
    first = browser.get("/runs/one/live/fragment")
    version = first.headers["etag"]
    assert browser.get("/runs/one/live/fragment", params={"version": version}).status_code == 204


def test_a_run_that_is_damaged_is_listed_with_its_error(browser: TestClient, tmp_path: Path):
    run = tmp_path / "runs" / "torn"
    run.mkdir(parents=True)
    (run / "rounds.csv").write_text("nothing that is known\n")
    (line,) = browser.get("/api/runs").json()["runs"]
    assert "E_RUN_CORRUPT" in line["error"]


@pytest.mark.parametrize("name", ["..", "%2e%2e", "..%2fone", "nothing"])
def test_nothing_but_listed_runs_is_reported(browser: TestClient, tmp_path: Path, name: str):
    (tmp_path / "rounds.csv").write_text("round,accuracy_global,wire_total,estimate_wire\n1,0.5,100,100\n")
    assert browser.get(f"/runs/{name}/report").status_code in (400, 404)


def test_a_format_or_run_that_is_not_there_is_not_exported(browser: TestClient, tmp_path: Path):
    run = tmp_path / "runs" / "one"
    run.mkdir(parents=True)
    (run / "rounds.csv").write_text("round,accuracy_global,wire_total,estimate_wire\n1,0.5,100,100\n")
    for path, code in (("nothing/export/npz", "E_RUN_MISSING"), ("one/export/exe", "E_EXPORT_FORMAT")):
        answer = browser.get(f"/runs/{path}")
        assert (answer.status_code, answer.json()["code"]) == (400, code)
        assert answer.json()["remedy"]


def test_data_sets_are_offered_with_the_shape_of_their_heads(browser: TestClient):
    found = browser.get("/api/choices").json()["data"]
    assert found["motion"] == [32, 4]
    assert "motion_plain" not in found


@pytest.mark.parametrize("data", ["/etc/passwd", "../runs", "nothing", ""])
def test_no_file_is_learnt_from_by_its_path(browser: TestClient, data: str):
    headers = {"origin": "http://127.0.0.1:8271"}
    answer = browser.post("/api/train", headers=headers, json={"data": data})
    assert (answer.status_code, answer.json()["code"]) == (400, "E_DATA_UNKNOWN")
