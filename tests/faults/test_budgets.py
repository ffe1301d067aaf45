"""Runs with a budget over links of all kinds, on a virtual clock: no board spends a byte more, whatever is lost."""

from __future__ import annotations

import csv
import random
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from virtual_time import run

from bytefed.boards.loopback import LoopbackTransport
from bytefed.boards.started import boards
from bytefed.boards.virtual import VirtualOptions
from bytefed.device.device import Device
from bytefed.errors import BytefedError, ConfigError
from bytefed.events import BudgetPlanned, BudgetSpent, RoundClosed
from bytefed.federation import experiment
from bytefed.federation.config import RunConfig, budgeted
from bytefed.transport.faults import Faults, with_faults

D, C = 6, 3
LINKS = [("serial", 247, False), ("serial", 247, True), ("ble", 23, True), ("ble", 65, False), ("ble", 247, False),
         ("ble", 247, True)]  # fmt: skip
"""Framing, MTU, and whether it is OPEN."""


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> str:
    rng = np.random.default_rng(5)
    y = rng.integers(0, C, 120)
    path = tmp_path_factory.mktemp("data") / "heaps.npz"
    np.savez(path, X=(rng.normal(0, 1, (120, D)) + 2 * np.eye(C, D)[y]).astype(np.float32), y=y)
    return str(path)


@dataclass(frozen=True)
class World:
    """A run: its boards, their links, and what is wrong with these."""

    features: str
    budget: str
    link: tuple[str, int, bool] = LINKS[0]
    count: int = 4
    faults: str = ""
    keys: tuple[tuple[str, Any], ...] = ()

    @property
    def config(self) -> RunConfig:
        given = {
            "boards": (f"loopback:{self.count}",), "data": self.features, "partition": "iid", "central": False,
            "deadline": 3600.0, "open": self.link[2], "budget": self.budget, **dict(self.keys),
        }  # fmt: skip
        return RunConfig(**budgeted(given))

    @asynccontextmanager
    async def opened(self, _found: Any, options: VirtualOptions, _faults: str) -> AsyncIterator[list[Device]]:
        """Give the boards behind their links."""
        framing, mtu, _ = self.link
        async with AsyncExitStack() as stack:
            devices = []
            for number, (board, key) in enumerate(boards(self.count, 0, options)):
                port: Any = LoopbackTransport(board, name=str(number), framing=framing, mtu=mtu, key=key)
                if self.faults:
                    port = with_faults(port, Faults.parse(self.faults))
                devices.append(Device(port, rng=random.Random(number)))
                stack.push_async_callback(devices[-1].close)
            yield devices


def began(world: World, folder: Path, monkeypatch: pytest.MonkeyPatch, listener: Any = lambda _: None) -> Any:
    monkeypatch.setattr(experiment, "open_devices", world.opened)
    return run(experiment.begin(world.config, folder, listener))


def resumed(world: World, folder: Path, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Any:
    monkeypatch.setattr(experiment, "open_devices", world.opened)
    return run(experiment.resume(folder, options, lambda _: None))


def spent(folder: Path, column: str = "wire_total") -> Counter[str]:
    """Return the spending of each board by the ledger's files, without its samples."""
    found = Counter[str]()
    for name in ("bytes.csv", "sessions.csv"):
        with (folder / name).open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if row.get("phase") != "provision" and row[column]:
                    found[row["board"]] += int(row[column]) if column == "wire_total" else float(row[column])
    return found


@pytest.mark.parametrize("link", LINKS, ids=str)
@pytest.mark.parametrize("codec", ["stc10", "float32"])
def test_a_budget_is_spent_as_planned_on_links_that_lose_nothing(
    link, codec, features, tmp_path, monkeypatch
):
    least = 1 if codec == "stc10" else 2
    for budget in (400 * least, 777 * least):
        world, events = World(features, f"{budget}B", link, keys=(("codec", codec),)), []
        folder = tmp_path / str(budget)
        summary = began(world, folder, monkeypatch, events.append)
        plan = summary["budget"]["plan"]
        assert any(isinstance(event, BudgetPlanned) for event in events)
        assert summary["complete"]
        assert summary["estimate_exact"]
        assert summary["rounds"] == plan["rounds"] >= 1
        paid = spent(folder)
        assert max(paid.values()) == summary["budget"]["spent_most"] == plan["worst"] <= budget
        assert min(paid.values()) == plan["least"]
        assert sum(paid.values()) == plan["total"]
        more = replace(world, keys=(("codec", codec), ("rounds", plan["rounds"] + 1)))
        with pytest.raises(ConfigError, match="E_BUDGET_TOO_SMALL"):
            began(more, tmp_path / f"{budget}-more", monkeypatch)


def random_world(rng: random.Random, features: str) -> World:
    rates = {"drop": (0, 0.01, 0.05, 0.15), "corrupt": (0, 0.01, 0.05), "stall": (0, 0, 0.01), "cut": (0, 0, 0.01),
             "reorder": (0, 0, 0.05)}  # fmt: skip
    drawn = {name: rng.choice(values) for name, values in rates.items()}
    faults = ",".join(f"{name}={rate}" for name, rate in {**drawn, "seed": rng.randrange(10**6)}.items())
    keys = {
        "codec": rng.choice(("stc10", "onebit", "float32", "int8/onebit")),
        "fraction_train": rng.choice((0.3, 1.0)),
        "statistics_rounds": rng.choice((0, 1, 10)),
        "learning_rate_decay": rng.choice((1.0, 0.5)),
        "learning_rate_rounds": 3,
        "local_epochs": 1,
    }
    return World(
        features,
        f"{rng.randrange(300, 3000)}B",
        rng.choice(LINKS),
        rng.randrange(1, 6),
        faults,
        tuple(keys.items()),
    )


def test_no_board_spends_more_in_random_worlds(features, tmp_path, monkeypatch):
    first, ended = 20261129, Counter[str]()
    for seed in range(first, first + 25):
        world, folder, events = random_world(random.Random(seed), features), tmp_path / str(seed), []
        try:
            summary = began(world, folder, monkeypatch, events.append)
            ended["complete"] += summary["complete"]
            ended["early"] += any(isinstance(event, BudgetSpent) for event in events)
        except BytefedError as error:
            ended[error.code] += 1
            assert error.code not in ("E_BUDGET_EXCEEDED", "E_LEDGER"), f"seed {seed}: {error} in {world}"
        if (folder / "bytes.csv").exists():
            most = world.config.limit.most
            for board, count in spent(folder).items():
                assert count <= most, f"seed {seed}: board {board} spent {count} of {most} in {world}"
    assert ended["complete"] > 8
    assert ended["early"] > 3  # the losses ended runs before their last planned round


@pytest.mark.parametrize("faults", ["", "drop=0.05,seed=9"])
def test_time_in_the_air_and_energy_are_budgets_too(faults, features, tmp_path, monkeypatch):
    for key, text, column in (
        ("budget_air", "900ms", "air_seconds"),
        ("budget_energy", "300uJ", "energy_mj"),
    ):
        world = World(features, "", LINKS[4], 3, faults, ((key, text),))
        summary = began(world, tmp_path / key, monkeypatch)
        entry = summary["budget"]
        assert summary["complete"]
        assert summary["rounds"] == entry["plan"]["rounds"] or faults
        assert entry["spent_most"] <= entry["most"] * (1 + 1e-9)
        if key == "budget_air":
            assert (
                max(spent(tmp_path / key, column).values()) <= entry["most"] + 1e-3
            )  # as the files round it
    assert summary["rounds"] > 2


class StopError(Exception):
    """The host dies."""


def test_a_run_that_goes_on_counts_what_it_spent_before(features, tmp_path, monkeypatch):
    for seed, faults in enumerate(("", "drop=0.05,seed=4")):
        world, folder = World(features, "1500B", LINKS[4], 3, faults), tmp_path / str(seed)

        def dies(event: Any) -> None:
            if isinstance(event, RoundClosed) and event.round == 7:
                raise StopError

        with pytest.raises(StopError):
            began(world, folder, monkeypatch, dies)
        before = spent(folder)
        assert 0 < max(before.values()) < 1500
        again = resumed(world, folder, monkeypatch)
        after = spent(folder)
        assert again["complete"]
        assert 7 < again["rounds"] < again["budget"]["plan"]["rounds"]  # connecting anew is paid, too
        assert again["budget"]["ended_early"]
        assert all(before[board] < after[board] <= 1500 for board in before)
        assert max(after.values()) == again["budget"]["spent_most"]
        assert resumed(world, folder, monkeypatch)["ended"] == again["ended"]  # complete: no board is touched
        assert spent(folder) == after


def test_what_a_killed_host_did_not_book_is_charged_as_planned(features, tmp_path, monkeypatch):
    one_a_round = (("fraction_train", 0.3),)
    world, folder = World(features, "1500B", LINKS[4], 3, keys=one_a_round), tmp_path / "run"

    def dies(event: Any) -> None:
        if isinstance(event, RoundClosed) and event.round == 7:
            raise StopError

    with pytest.raises(StopError):
        began(world, folder, monkeypatch, dies)
    with closing(sqlite3.connect(folder / "run.db")) as db, db:
        [(board, lost)] = db.execute(
            "SELECT board, wire_down + wire_up FROM ledger WHERE round = 7 AND phase = 'round'"
        ).fetchall()
        db.execute("DELETE FROM ledger WHERE round = 7 AND phase = 'round'")
    summary = resumed(world, folder, monkeypatch)
    booked = spent(folder)
    paid = summary["budget"]["boards"]
    assert paid == {each: booked[each] + lost * (each == board) for each in booked}
    assert max(paid.values()) <= 1500


@pytest.mark.parametrize("link", LINKS, ids=str)
def test_budgets_that_pay_no_round_are_refused_with_what_it_takes(link, features, tmp_path, monkeypatch):
    budget, refusals = 60, []
    while True:
        folder = tmp_path / str(budget)
        try:
            summary = began(World(features, f"{budget}B", link), folder, monkeypatch)
            break
        except ConfigError as error:
            assert error.code == "E_BUDGET_TOO_SMALL"
            assert not folder.exists()
            refusals.append(error.message)
            budget = int(error.message.removesuffix(" B.").rpartition(" ")[2].replace(",", ""))
    assert "at least" in refusals[0]  # before any link was opened
    assert len(refusals) <= 2
    assert summary["rounds"] >= 1
    assert summary["budget"]["spent_most"] == budget
    with pytest.raises(ConfigError, match=f"{budget} B"):
        began(World(features, f"{budget - 1}B", link), tmp_path / "last", monkeypatch)


def test_explicit_keys_stay_and_the_rest_is_planned_around_them(features):
    config = World(features, "2kB").config
    assert (config.codec, config.learning_rate, config.fraction_train) == ("stc10", 0.2, 1.0)
    assert (config.local_epochs, config.rounds) == (0, 0)  # by what the budget pays, once the links are known
    own = World(
        features,
        "2kB",
        keys=(("codec", "onebit"), ("local_epochs", 3), ("rounds", 4), ("fraction_train", 0.5)),
    ).config
    assert (own.codec, own.local_epochs, own.rounds, own.fraction_train) == ("onebit", 3, 4, 0.5)
    energy = RunConfig(**budgeted({"budget_energy": "5mJ"}))
    assert (energy.local_epochs, energy.fraction_train) == (0, 1.0)
    assert [energy.limit.epochs(rounds) for rounds in (1, 10, 100)] == [5, 5, 5]  # they are what it pays for
    assert [config.limit.epochs(rounds) for rounds in (1, 10, 100, 101)] == [20, 10, 1, 1]
    with pytest.raises(ConfigError, match="E_CONFIG_BUDGET"):
        budgeted({"budget": "2kB", "budget_air": "1s"})
    with pytest.raises(ConfigError, match="E_CONFIG_RANGE"):
        RunConfig(rounds=0)
