"""Boards that stay switched on between commands: what they hold is not given again, nor taken from them unasked."""

from __future__ import annotations

import asyncio
import csv
import random
from contextlib import asynccontextmanager

import numpy as np
import pytest

from bytefed._core import VirtualBoard
from bytefed.boards.loopback import LoopbackTransport
from bytefed.data import Samples, Task
from bytefed.device.device import Device
from bytefed.device.plan import Samples as BoardSamples
from bytefed.device.plan import TrainingPlan
from bytefed.device.visit import capture
from bytefed.errors import BoardError
from bytefed.events import DataRemark
from bytefed.extractor.quantization import Quantization
from bytefed.federation import experiment
from bytefed.federation.config import RunConfig
from bytefed.protocol.message import VISIT, State

D, C, MODEL = 4, 2, 0x600D
PLAN = TrainingPlan("float32", "float32", epochs=1, batch=4, rate=0.1, seed=1)


def make_task(kind: str, features: int = D) -> Task:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, C, 120).astype(np.uint8)
    values = rng.integers(-90, 90, (120, features), dtype=np.int8) + 30 * labels[:, None].astype(np.int8)
    inputs = np.repeat(values[:80], 2, axis=1) if kind == "inputs" else None
    return Task(
        name="two heaps", federated=Samples(values[:80], labels[:80]), test=Samples(values[80:], labels[80:]),
        num_classes=C, quantization=Quantization(1 / 32, 0), inputs=inputs,
        model_hash=MODEL if kind == "inputs" else 0,
    )  # fmt: skip


class Table:
    """Two boards, whatever command comes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, kind: str = "features") -> None:
        self.boards = [
            VirtualBoard(
                features=D, classes=C, uid=0xB0 + number, boot=7, model=MODEL, input_size=2 * D, scale=1 / 32,
                extract=lambda values: bytes(255 - value for value in values[::2]),  # not what the host thinks
                sense=lambda label: bytes(2 * D), sense_time=1,
            )
            for number in range(2)
        ]  # fmt: skip
        self.task = make_task(kind)
        monkeypatch.setattr(experiment, "open_devices", self._open)
        monkeypatch.setattr(experiment, "task_of", lambda config: self.task)

    def device(self, number: int) -> Device:
        return Device(LoopbackTransport(self.boards[number], name=str(number)), rng=random.Random(number))

    @asynccontextmanager
    async def _open(self, *_):
        devices = [self.device(number) for number in range(2)]
        try:
            yield devices
        finally:
            for device in devices:
                await device.close()

    def begin(self, folder, rounds=1, said=None, **keys):
        config = RunConfig(
            boards=("loopback:2",), rounds=rounds, partition="iid", central=False, batch_size=4, **keys
        )
        asyncio.run(experiment.begin(config, folder, [].append if said is None else said.append))

    def resume(self, folder, rounds):
        asyncio.run(experiment.resume(folder, {"rounds": rounds}, lambda event: None))

    def visit(self, number, work):
        async def visit():
            device = self.device(number)
            await device.connect(VISIT)
            try:
                return await work(device)
            finally:
                await device.close()

        return asyncio.run(visit())

    def train(self, number, run):
        """Have a board train for a run whose host is never heard of again."""

        async def train(device):
            await device.connect(run)
            await device.provision(sample(make_task("features")))
            await device.train(device.plan_round(1, np.zeros(D * C + C, np.float32), PLAN))

        self.visit(number, train)

    def capture(self, number):
        return self.visit(number, lambda device: capture(device, 0, 0.02, test=False))


def sample(task):
    x, y = task.federated.features[:8], task.federated.labels[:8]
    return BoardSamples("features", x[:6], y[:6], x[6:], y[6:], 1 / 32, 0)


def sessions(folder):
    with (folder / "sessions.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("kind", ["features", "inputs"])
def test_a_resumed_run_gives_no_samples_to_boards_that_hold_them(monkeypatch, tmp_path, kind):
    table, folder = Table(monkeypatch, kind), tmp_path / "run"
    table.begin(folder)
    given = [int(row["wire_total"]) for row in sessions(folder) if row["phase"] == "provision"]
    assert all(given)
    for rounds in (2, 3):
        before = len(sessions(folder))
        table.resume(folder, rounds)
        rows = sessions(folder)[before:]
        assert {row["phase"] for row in rows} == {"connect", "provision", "evaluate"}
        assert {int(row["wire_total"]) for row in rows if row["phase"] == "provision"} == {0}
        assert {row["round"] for row in rows if row["phase"] != "evaluate"} == {str(rounds - 1)}
    assert {row["estimate_difference"] for row in sessions(folder)} == {"0"}


def test_boards_that_were_switched_off_are_given_their_inputs_again(monkeypatch, tmp_path):
    table, folder = Table(monkeypatch, "inputs"), tmp_path / "run"
    table.begin(folder)
    table.boards = Table(monkeypatch, "inputs").boards
    table.resume(folder, 2)
    provision = [row for row in sessions(folder) if row["phase"] == "provision"]
    assert [row["wire_total"] for row in provision[:2]] == [row["wire_total"] for row in provision[2:]]
    assert {row["estimate_difference"] for row in sessions(folder)} == {"0"}


def test_samples_that_a_run_replaces_are_told_of(monkeypatch, tmp_path):
    table, said = Table(monkeypatch), []
    assert table.capture(1)[0] > 0
    table.begin(tmp_path / "run", said=said, overwrite=True)
    (remark,) = [event.text for event in said if isinstance(event, DataRemark)]
    assert remark.startswith("board 00000000000000b1 holds ")


@pytest.mark.parametrize("code", ["E_BOARD_SHAPE", "E_BOARD_CAPACITY"])
def test_a_run_that_is_refused_changes_nothing_on_a_board(monkeypatch, tmp_path, code):
    table = Table(monkeypatch)
    table.train(0, run=0xABC)
    table.task = make_task("features", D + 1) if code == "E_BOARD_SHAPE" else table.task
    if code == "E_BOARD_CAPACITY":
        table.boards[1] = VirtualBoard(features=D, classes=C, uid=0xB1, capacity=10)
    with pytest.raises(BoardError, match=code):
        table.begin(tmp_path / "run")

    async def where(device):
        return device.welcome.round, device.welcome.state

    assert table.visit(0, where) == (1, State.READY)
    assert not (tmp_path / "run").exists()


def test_capture_after_a_run(monkeypatch, tmp_path):
    table = Table(monkeypatch)
    table.begin(tmp_path / "run", rounds=2)
    assert table.capture(0) == (2, 2)


def test_capture_takes_no_delta_from_a_board(monkeypatch):
    table = Table(monkeypatch)
    table.train(0, run=0xABC)
    with pytest.raises(BoardError, match="E_BOARD_BUSY") as caught:
        table.capture(0)
    assert "delta of round 1 of its run" in caught.value.message
    assert "--resume" in caught.value.remedy

    async def state(device):
        return device.welcome.state

    assert table.visit(0, state) == State.READY
