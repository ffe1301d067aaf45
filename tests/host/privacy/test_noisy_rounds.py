"""Rounds with noise through the binding: golden bits, and runs whose boards keep their budget."""

from __future__ import annotations

import asyncio
import csv
import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from golden import floats, read

import bytefed
from bytefed import _core
from bytefed.boards.describe import ask_budget, budget_left
from bytefed.boards.loopback import LoopbackTransport
from bytefed.boards.virtual import BoardKind, make_board
from bytefed.cli.main import main
from bytefed.device.device import Device
from bytefed.errors import BoardError, ConfigError, LinkError
from bytefed.events import DataRemark, Event
from bytefed.federation.config import RunConfig, chosen
from bytefed.federation.experiment import begin
from bytefed.federation.private import require_samples
from bytefed.privacy.claims import SAMPLE
from bytefed.protocol.message import Capability, Noised
from bytefed.runs.store import Store
from bytefed.simulation.noise import noise_key

NOISE: dict[str, Any] = {"dp": "sample", "epsilon": 4.0, "delta": 1e-4}


def passes() -> list[dict[str, list[list[str]]]]:
    """Return the rounds of noise.txt: rows by their first word."""
    out: list[dict[str, list[list[str]]]] = []
    for name, *words in read("noise.txt"):
        if name == "pass":
            out.append({})
        if name != "gauss":
            out[-1].setdefault(name, []).append(words)
    return out


@pytest.mark.parametrize("golden", passes(), ids=lambda t: "x".join(t["pass"][0][:2]) + "-" + t["pass"][0][5])
def test_a_client_with_noise(golden: dict[str, list[list[str]]]) -> None:
    features, classes, zero_point = (int(word) for word in golden["pass"][0][:3])
    scale, clip = floats(golden["pass"][0][3:5])
    grid, cost = int(golden["pass"][0][5]), int(golden["pass"][0][6])
    samples = np.array(golden["sample"], np.int64)
    n, parameters = len(samples), features * classes + classes
    core = _core.Simulator(
        np.ascontiguousarray(samples[:, 1:].astype(np.int8)), samples[:, 0].astype(np.uint8),
        np.arange(n, dtype=np.int32), np.array([0, n], np.int64), np.zeros(1, np.int64),
        classes=classes, scale=float(scale), zero_point=zero_point, threads=1,
    )  # fmt: skip
    deltas, norms = np.empty((1, parameters), np.float32), np.empty(1)
    core.train_with_noise(
        np.zeros(1, np.int64), np.zeros(1, np.uint32), floats(golden["head"][0])[None], np.zeros(1, np.int32),
        round=1, rate=float(floats(golden["pass"][0][7:8])[0]), clip=float(clip), cost=cost, grid=grid,
        keys=np.frombuffer(bytes.fromhex(golden["pass"][0][8]), np.uint8)[None].copy(), codec=0,
        residuals=np.empty((0, parameters), np.float32), deltas=deltas, norms=norms,
    )  # fmt: skip
    assert (deltas[0].view(np.uint32) == floats(golden["delta"][0]).view(np.uint32)).all()


def run(folder: Path, **keys: Any) -> bytefed.RunResult:
    return bytefed.run(
        boards=["virtual:4"], data="digits", rounds=3, seed=3, directory=folder, **{**NOISE, **keys}
    )


@pytest.mark.parametrize("codec", ["float32", "onebit"])
def test_a_run_with_noise(tmp_path: Path, codec: str) -> None:
    result = run(tmp_path / "run", codec=codec)
    assert list(result.bytes["wire_total"]) == list(result.bytes["estimate_wire"])
    predicted = bytefed.estimate(features=32, classes=10, clients=4, rounds=3, codec=codec, dp="sample")
    assert predicted.rounds.wire_total == sum(result.bytes["wire_total"])
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    told = summary["privacy"]
    assert (told["epsilon"], told["delta"], told["rounds"], told["unit"]) == (4.0, 1e-4, 3, "one sample")
    assert told["boards"] and all(
        b["spent"] == b["budget"] == 3 * told["cost"] for b in told["boards"].values()
    )
    assert "whoever listens" in told["claim"] and told["not_claimed"] == list(SAMPLE.not_claimed)
    assert told["claim"].startswith("from its board's budget on, ") and "checksum" in told["not_claimed"][0]
    assert summary["accuracy_boards_final"] is None and summary["accuracy_final"] > 0.6
    rows = list(csv.DictReader((tmp_path / "run" / "bytes.csv").read_text().splitlines()))
    assert {row["loss"] for row in rows} == {""} and {row["accuracy"] for row in rows} == {""}
    text = result.report(tmp_path / "page.html").read_text()
    assert (
        "Told of a sample, at most" in text
        and "Not claimed:" in text
        and "left of the boards’ budgets: 0 %" in text
    )


def remarks_of_runs(folder: Path, *runs: dict[str, Any]) -> list[tuple[list[str], dict[str, Any]]]:
    """Return what is remarked in runs of the same boards, one after the other, and each summary."""
    found = []

    async def one_after_the_other() -> None:
        async with bytefed.open_boards("loopback:3") as devices:
            for number, keys in enumerate(runs):
                shared = {"rounds": 2, "data": "digits", "central": False, "seed": 3, "open": True}
                config, events = RunConfig(**chosen({**shared, **keys})), list[Event]()
                summary = await begin(config, folder / str(number), events.append, devices=devices)
                said = [event.text for event in events if isinstance(event, DataRemark)]
                found.append(([text for text in said if text.startswith("board ")], dict(summary)))

    asyncio.run(one_after_the_other())
    return found


def test_the_same_samples_with_a_new_budget_are_spoken_of(tmp_path: Path) -> None:
    first, second = remarks_of_runs(tmp_path, NOISE, {**NOISE, "epsilon": 8.0})
    assert first[0] == [] and first[1]["privacy"]["new_budgets"] == []
    assert len(second[0]) == 3 and len(second[1]["privacy"]["new_budgets"]) == 3
    assert all(
        "whose checksum it withholds" in text and "the epsilons of both budgets add" in text
        for text in second[0]
    )
    assert not any("other samples" in text for text in second[0])
    assert main(["report", str(tmp_path / "1"), "-o", str(tmp_path / "page.html")]) == 0
    page = (tmp_path / "page.html").read_text()
    assert "These boards had a budget before" in page and "the epsilons of both budgets add" in page


def test_the_same_samples_without_noise_have_no_epsilon(tmp_path: Path) -> None:
    _, second = remarks_of_runs(tmp_path, NOISE, {})
    assert len(second[0]) == 3 and all("no epsilon holds for them" in text for text in second[0])
    assert "privacy" not in second[1]


@pytest.mark.parametrize(
    ("keys", "code", "said"),
    [
        ({}, "E_QUORUM", "3 boards failed with E_BOARD_NO_NOISE. Train with noise"),
        (NOISE, "E_TOO_FEW_BOARDS", "No round was trained: let boards forget their samples"),
    ],
)
def test_a_remedy_follows_what_boards_failed_with(
    tmp_path: Path, keys: dict[str, Any], code: str, said: str
) -> None:
    with pytest.raises(LinkError) as caught:
        remarks_of_runs(tmp_path, NOISE, {**keys, "data": "boards", "deadline": 0.1})
    assert caught.value.code == code and said in caught.value.remedy
    for useless in ("--resume", "--quorum", "--learning-rate", "--dropout", "export"):
        assert useless not in caught.value.remedy


def test_a_run_with_noise_keeps_no_checksum_of_samples(tmp_path: Path) -> None:
    for folder, keys, kept in (("plain", {"dp": "", "epsilon": 0.0, "delta": 0.0}, 4), ("noisy", {}, 0)):
        run(tmp_path / folder, **keys)
        with closing(Store.open(tmp_path / folder)) as store:
            assert sum(bool(store.meta(f"samples of {board}")) for board in store.clients()) == kept


def test_simulated_clients_make_the_noise_of_boards(tmp_path: Path) -> None:
    result = bytefed.simulate(
        data="digits",
        clients=6,
        rounds=3,
        seed=3,
        check=3,
        dropout=0.2,
        directory=tmp_path / "run",
        codec="int8",
        **NOISE,
    )
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["privacy"]["epsilon"] == 4.0 and summary["check"]["rounds"] > 0
    assert result.accuracy is not None


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"epsilon": 11.0}, "epsilon"),
        ({"epsilon": 0.0}, "needs both"),
        ({"delta": 0.0}, "needs both"),
        ({"dp": ""}, "nothing asks for noise"),
        ({"local_epochs": 2}, "one pass"),
        ({"batch_size": 4}, "leaves no batches"),
        ({"dp": "", "epsilon": 0.0, "delta": 0.0, "clip": 0.5}, "nothing asks for noise"),
        ({"delta": 0.1}, "not below 1 / "),
        ({"statistics_rounds": 5}, "no accuracy"),
        ({"personal": True}, "personal heads"),
        ({"strategy": "fedprox", "proximal_mu": 0.01}, "fedprox"),
        ({"budget": "50kB"}, "byte budget"),
        ({"dp": "board"}, "board"),
    ],
)
def test_keys_that_do_not_go_together(keys: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        run(tmp_path / "run", **keys)
    assert caught.value.remedy


@pytest.mark.parametrize(
    "idle", [{"batch_size": 4}, {"dp": "", "epsilon": 0.0, "delta": 0.0, "clip": 0.5}], ids=["batch", "clip"]
)
def test_runs_of_before_with_keys_that_did_nothing_are_read(idle: dict[str, Any]) -> None:
    config = RunConfig(**chosen({**NOISE, **idle}))
    assert RunConfig.from_toml(config.to_toml(), "run") == config


def test_a_delta_as_large_as_a_sample_is_refused_wherever_there_is_noise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    noise = ["--dp", "sample", "--epsilon", "4", "--rounds", "2", "--data", "digits", "--clients", "4"]
    for command in (["simulate", "--run-dir", "run"], ["sweep", "--sweep-dir", "sweep", "--seeds", "1"]):
        where = [*command[:2], str(tmp_path / command[2]), *command[3:]]
        assert main([*where, *noise, "--delta", "0.01"]) == 2
        said = " ".join(capsys.readouterr().err.split())
        assert "E_CONFIG_PRIVACY" in said and "samples to train on" in said and "such as --delta 1e-4" in said


@pytest.mark.parametrize(
    ("delta", "number", "better"),
    [(0.1, 10, "1e-2"), (1e-3, 1000, "1e-4"), (0.02, 64, "1e-3"), (0.1, 900, "1e-4")],
)
def test_a_better_delta_is_named(delta: float, number: int, better: str) -> None:
    config = RunConfig(**chosen({**NOISE, "delta": delta}))
    with pytest.raises(ConfigError) as caught:
        require_samples(config, number)
    assert caught.value.remedy.endswith(f"such as --delta {better}.")
    require_samples(replace(config, delta=float(better)), number)
    require_samples(RunConfig(), 3)


def test_a_resolved_configuration_with_noise_is_taken_again(tmp_path: Path) -> None:
    for keys in (NOISE, {}, {"dp": "board", "secure_sum": True, "epsilon": 4.0, "delta": 1e-3}):
        config = RunConfig(**chosen(keys))
        assert RunConfig.from_toml(config.to_toml(), "x") == config


def test_a_resumed_run_gets_no_more_rounds(tmp_path: Path) -> None:
    run(tmp_path / "run")
    with pytest.raises(ConfigError, match="shared out among 3 rounds"):
        bytefed.resume(tmp_path / "run", rounds=4)


def test_a_board_tells_what_is_left_and_refuses_what_it_does_not_pay() -> None:
    from bytefed.device.plan import Samples, TrainingPlan
    from bytefed.protocol.message import Noise

    rng = np.random.default_rng(1)
    x, y = rng.integers(-128, 128, (12, 5)).astype(np.int8), (np.arange(12) % 2).astype(np.uint8)
    samples = Samples("features", x[:8], y[:8], x[8:], y[8:], 0.02, -3)
    plan = TrainingPlan("float32", "float32", 1, 1, 0.5, 7, noise=Noise(1.0, 4_000_000, 16, 10_000_000))
    head = np.zeros(12, np.float32)

    async def trained() -> tuple[Noised, str]:
        board = make_board(BoardKind(5, 2), 9, noise=lambda number: noise_key(1, number))
        device = Device(LoopbackTransport(board, name="x"))
        await device.connect(5)
        await device.provision(samples)
        for number in (1, 2):
            reply = await device.train(device.plan_round(number, head, plan))
            assert reply.statistics is not None and reply.statistics.loss == 0.0
        with pytest.raises(BoardError) as caught:
            await device.train(device.plan_round(3, head, plan))
        await device.close()
        await device.connect(5)
        assert device.board.capabilities & Capability.NOISED and device.stored.crc == 0
        assert device.holds(samples)  # it knows the run that gave it these
        told = await ask_budget(device)
        await device.close()
        await device.connect(6)
        assert not device.holds(samples)
        await device.close()
        return told, caught.value.code

    told, code = asyncio.run(trained())
    assert (told.budget, told.spent) == (10_000_000, 8_000_000)
    assert code == "E_BOARD_BUDGET_SPENT"
    assert budget_left(told).startswith("noise alone; 20 % of its budget left")
