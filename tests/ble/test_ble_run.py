"""Whole runs over BLE: the resulting head is that of a run in which nothing goes wrong."""

from __future__ import annotations

import asyncio
import csv
import json
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ble_bed import RUN, Bed, Shape, bed, make_boards, make_samples

from bytefed._core import VirtualBoard
from bytefed.boards.bluetooth import virtual_ble
from bytefed.boards.bluetooth.fake_bluez import FakeBlueZ
from bytefed.boards.bluetooth.peripheral import Air
from bytefed.cli.main import main
from bytefed.device.device import Device
from bytefed.errors import BoardError
from bytefed.federation.config import RunConfig
from bytefed.federation.experiment import begin
from bytefed.keys import BoardKey, KeyFile, KeyRing
from bytefed.ledger.air import DEFAULT_TABLE
from bytefed.ledger.estimate import predict
from bytefed.ledger.planned_run import PlannedRun
from bytefed.ledger.wire_size import ble_profile, sealed_profile
from bytefed.protocol.direction import Direction
from bytefed.runs.columns import read_columns
from bytefed.runs.store import Store
from bytefed.transport import ble
from bytefed.transport.ble import BleTransport, system_central

pytestmark = pytest.mark.usefixtures("dbus")
D, C = 16, 4


@pytest.fixture
def features(tmp_path: Path) -> Path:
    rng = np.random.default_rng(5)
    y = rng.integers(0, C, 600)
    X = (rng.normal(0, 1, (600, D)) + 2 * np.eye(C, D)[y]).astype(np.float32)
    path = tmp_path / "heaps.npz"
    np.savez(path, X=X, y=y)
    return path


def final_head(directory: Path) -> bytes:
    store = Store.open(directory)
    try:
        return store.head()[1].tobytes()
    finally:
        store.close()


def table(directory: Path, name: str) -> list[dict[str, str]]:
    with (directory / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def config(features: Path, *boards: str, **more: Any) -> RunConfig:
    options = {
        "data": str(features),
        "partition": "iid",
        "seed": 7,
        "quorum": 1.0,
        "deadline": 600.0,
        "central": False,
    }
    return RunConfig.resolve(None, {"boards": boards, **options, **more})


def run(config: RunConfig, directory: Path) -> None:
    asyncio.run(begin(config, directory, lambda event: None))


def test_serial_and_ble_boards_in_one_run(features: Path, tmp_path: Path) -> None:
    mixed = ("virtual-ble:2", "virtual:1", "loopback:1")
    run(config(features, *mixed, rounds=3), tmp_path / "mixed")
    run(config(features, "loopback:4", rounds=3), tmp_path / "plain")
    assert final_head(tmp_path / "mixed") == final_head(tmp_path / "plain")
    rows = table(tmp_path / "mixed", "bytes.csv")
    assert sorted(row["link"] for row in rows) == sorted(
        ["virtual-ble"] * 6 + ["virtual"] * 3 + ["loopback"] * 3
    )
    assert all(row["estimate_difference"] == "0" for row in rows)


def test_a_run_takes_what_the_estimator_said(features: Path, tmp_path: Path) -> None:
    run(config(features, "virtual-ble:3", rounds=4), tmp_path / "run")
    predicted = predict(
        sealed_profile(ble_profile(247)),
        PlannedRun(features=D, classes=C, codecs=("float32", "float32"), clients=3, rounds=4, seed=7),
    )
    rows = table(tmp_path / "run", "bytes.csv")
    assert sum(int(row["wire_total"]) for row in rows) == predicted.rounds.wire_total
    sessions = [row for row in table(tmp_path / "run", "sessions.csv") if row["phase"] == "connect"]
    assert sum(int(row["wire_total"]) for row in sessions) == predicted.connect.wire_total


def test_the_air_of_a_run_is_what_the_estimator_said(
    features: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(config(features, "virtual-ble:2", "loopback:1", rounds=3), tmp_path / "run")
    arguments = ["estimate", "--link", "ble", "--features", str(D), "--classes", str(C), "--json"]
    assert main(arguments) == 0
    one = json.loads(capsys.readouterr().out)["air"]["board_round"]
    for row in table(tmp_path / "run", "bytes.csv"):
        if row["link"] != "virtual-ble":
            assert row["air_bytes"] == row["air_seconds"] == row["energy_mj"] == ""
        elif int(row["round"]) > 1:  # the first has CONFIG, too
            assert int(row["air_bytes"]) == one["air_bytes"]
            assert float(row["air_seconds"]) == pytest.approx(one["air_seconds"])
            # With what training took, and idling while it took longer than it must; the table has six decimals.
            assert float(row["energy_mj"]) >= one["energy_mj"] - 1e-6


def test_the_table_of_radio_and_currents_can_be_replaced(features: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(DEFAULT_TABLE.read_text(encoding="utf-8").replace("interval_ms = 30", "interval_ms = 15"))
    run(config(features, "virtual-ble:1", rounds=2), tmp_path / "theirs")
    run(config(features, "virtual-ble:1", rounds=2, air_table=str(mine)), tmp_path / "mine")
    theirs, ours = (table(tmp_path / name, "bytes.csv")[-1] for name in ("theirs", "mine"))
    assert float(ours["air_seconds"]) == pytest.approx(float(theirs["air_seconds"]) / 2)
    assert ours["air_bytes"] == theirs["air_bytes"]


def test_virtual_ble_takes_the_place_of_the_adapter(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--boards", "virtual-ble:1", "ble:F1:00:00:00:00:00"]) != 0
    assert "E_CONFIG_BOARDS" in capsys.readouterr().err


class Saboteur:
    """Drops notifications, and cuts the link at chosen ATT values, counted over all boards."""

    def __init__(self, seed: int, cuts: int, values: int) -> None:
        rng = random.Random(seed)
        self._seed = seed
        # Not among the first, while the boards join: a run that begins is strict.
        self._cuts = set(rng.sample(range(values // 16, values), cuts))
        self._count = 0
        self._owed = 0
        self.cuts = 0
        self.lost = 0
        self.bluez: FakeBlueZ

    def air(self, address: str) -> Air:
        return _SabotagedAir(self, address, f"{self._seed}/{address}")

    def count(self, address: str) -> None:
        self._count += 1
        self._owed += self._count in self._cuts
        if self._owed:
            asyncio.get_running_loop().call_soon(self._cut, address)

    def _cut(self, address: str) -> None:
        device = self.bluez.devices[address]
        if self._owed and device.connected:
            device.disconnect()
            self._owed -= 1
            self.cuts += 1


class _SabotagedAir(Air):
    def __init__(self, saboteur: Saboteur, address: str, seed: str) -> None:
        super().__init__(notification_loss=0.01)
        self._saboteur, self._address = saboteur, address
        self._rng = random.Random(seed)

    def carries(self, direction: Direction, value: bytes) -> bool:
        self._saboteur.count(self._address)
        arrives = super().carries(direction, value)
        self._saboteur.lost += not arrives
        return arrives


@pytest.mark.slow
def test_twenty_boards_fifty_rounds_lost_notifications_and_lost_links(
    features: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1 % of notifications dropped, 20 forced disconnections: no delta lost, none counted twice."""
    boards, rounds, cuts = 20, 50, 20
    seed = random.SystemRandom().getrandbits(32)
    print(f"seed {seed}")  # noqa: T201
    # A board's round is about 16 values of ATT: the last cut comes well before the run's last value.
    saboteur = Saboteur(seed, cuts, values=boards * rounds * 14)

    @asynccontextmanager
    async def sabotaged(
        made: Sequence[tuple[VirtualBoard, bytes | None]], first: int
    ) -> AsyncIterator[list[BleTransport]]:
        near = virtual_ble.peripherals([board for board, _ in made], first, mtu=65)
        for peripheral in near:
            peripheral.air = saboteur.air(peripheral.address)
        async with virtual_ble.virtual_radio(near) as saboteur.bluez:
            yield [
                BleTransport(system_central(), p.address, rto_floor=0.3, key=key)
                for p, (_, key) in zip(near, made, strict=True)
            ]

    monkeypatch.setattr(virtual_ble, "virtual_ble_boards", sabotaged)
    run(config(features, f"virtual-ble:{boards}", rounds=rounds), tmp_path / "bad")
    monkeypatch.undo()
    run(config(features, f"loopback:{boards}", rounds=rounds), tmp_path / "good")

    assert saboteur.cuts == cuts
    assert saboteur.lost > 50
    assert final_head(tmp_path / "bad") == final_head(tmp_path / "good")
    rows = table(tmp_path / "bad", "bytes.csv")
    ok = [(row["round"], row["board"]) for row in rows if row["status"] == "ok"]
    assert len(ok) == len(set(ok)) == boards * rounds
    summary = json.loads((tmp_path / "bad" / "summary.json").read_text(encoding="utf-8"))
    assert summary["complete"]
    print(f"{saboteur.lost} notifications lost, {saboteur.cuts} links cut, {summary['seconds_wall']} s")  # noqa: T201


async def _hold_samples(there: Bed, file: KeyFile) -> None:
    """Let each board hold samples, as if it had captured them."""
    for index in range(len(there.near)):
        transport = there.transport(index)
        device = Device(transport, ring=KeyRing(file, open_links=True))
        await device.connect(RUN)
        await device.provision(make_samples(Shape(D, C), index))
        await device.close()


@pytest.mark.parametrize("stranger", [False, True], ids=["paired", "a stranger"])
def test_boards_in_reach_learn_from_their_own_samples_if_they_are_paired(
    stranger: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ble, "_SCAN_ALL", 0.5)
    monkeypatch.setenv("BYTEFED_KEYS", str(tmp_path / "keys" / "keys.toml"))
    keys = {uid: bytes([uid]) * 32 for uid in (1, 2)}
    with KeyFile().changing() as known:
        known.update({uid: BoardKey(uid, key) for uid, key in keys.items()})
    boards = [VirtualBoard(features=D, classes=C, uid=uid, key=key) for uid, key in keys.items()]
    boards += make_boards(3, Shape(D, C))[2:] if stranger else []
    own = RunConfig.resolve(None, {"boards": ("ble:auto",), "data": "boards", "rounds": 2, "quorum": 1.0})

    async def test() -> None:
        async with bed(boards) as there:
            await _hold_samples(there, KeyFile())
            await begin(own, tmp_path / "run", lambda event: None)

    if stranger:
        with pytest.raises(BoardError, match=r"E_BOARD_UNPAIRED.*0000000000000003"):
            asyncio.run(test())
        assert not (tmp_path / "run").exists()
        assert [board.round for board in boards] == [0, 0, 0]
    else:
        asyncio.run(test())
        assert {*read_columns(tmp_path / "run" / "bytes.csv")["board"]} == {f"{uid:016x}" for uid in keys}
