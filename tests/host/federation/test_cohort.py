"""The boards of a round where some can't take part any more: their budgets, of noise or of bytes, are spent."""

import asyncio
from contextlib import asynccontextmanager

import numpy as np
import pytest
from test_coordinator import FakeDevice, P, make_task

from bytefed._core import VirtualBoard
from bytefed.boards.loopback import LoopbackTransport
from bytefed.data.partition import divide
from bytefed.device.device import Device
from bytefed.errors import BoardError, LinkError
from bytefed.federation import fleet as fleet_module
from bytefed.federation.assignment import Assignment
from bytefed.federation.cohort import Cohort
from bytefed.federation.config import RunConfig
from bytefed.federation.fleet import Fleet, connect_all
from bytefed.federation.purses import Purses
from bytefed.federation.requirements import Requirements
from bytefed.federation.rules import Rules
from bytefed.runs.store import Store

LOST = LinkError("E_NO_ANSWER", "fake: silence", "Reset it.")
FOREVER = 10**9
"""Connects that fail, or seconds of patience; a test that waits for so long goes red by its timeout."""


class Bytes(Purses):
    """Budgets of bytes that are spent by name."""

    def __init__(self):
        super().__init__(None)
        self.broke = set()

    @property
    def limited(self):
        return True

    def affords(self, device, plan):
        return device.number not in self.broke

    def may_come_back(self, device):
        return device.number not in self.broke


class Table:
    """Some boards that are connected, and the cohort that draws of them."""

    def __init__(self, fleet, cohort, devices):
        self.fleet, self.devices, self.cohort = fleet, devices, cohort

    def lose(self, number, unreachable=FOREVER):
        self.devices[number].unreachable = unreachable
        self.fleet.lose(self.fleet.ready()[number], LOST)

    def spend(self, number):
        self.fleet.purses.retire(self.devices[number])

    async def choose(self):
        async with asyncio.timeout(20):
            return [member.client for member in await self.cohort.choose(1, lambda member: None)]


@pytest.fixture
def laid(tmp_path, monkeypatch):
    """Lay a table: `async with laid(boards, least, patience) as table`."""
    monkeypatch.setattr(fleet_module, "_FIRST_SEEK", 0.001)

    @asynccontextmanager
    async def lay(boards, least, patience=FOREVER, purses=None):
        task, devices = make_task(), [FakeDevice(number) for number in range(boards)]
        opened = [(took, None) for took in await connect_all(devices, 1)]
        store = Store.create(tmp_path / "run", 1, np.zeros(P, np.float32), RunConfig().to_toml(), {})
        store.enrol([(device.name, "serial", device.profile.security) for device in devices])
        assignment, told = Assignment(task, divide(task, "iid", boards)), [].append
        fleet = Fleet(store, assignment, Requirements.of(task, 8), "float32", told, purses=purses)
        rules = Rules(seed=42, fraction_train=1.0, min_train_nodes=least, quorum=0.5, norm_bound=0.0)
        await fleet.admit_all(devices, opened)
        try:
            yield Table(fleet, Cohort(rules, fleet, store, patience, told), devices)
        finally:
            await fleet.close()
            store.close()

    return lay


def test_a_board_that_is_away_is_waited_for_while_only_spent_ones_are_there(laid):
    async def draw():
        async with laid(2, 1) as table:
            table.spend(0)
            table.lose(1, unreachable=3)
            return await table.choose()

    assert asyncio.run(draw()) == [1]


def test_a_run_is_not_over_while_boards_with_budgets_are_only_away(laid):
    async def draw():
        async with laid(3, 2, patience=0.01) as table:
            table.spend(0)
            table.lose(2)
            await table.choose()

    with pytest.raises(LinkError, match=r"E_TOO_FEW_BOARDS.* ready: 1\.") as caught:
        asyncio.run(draw())
    assert "--resume" in caught.value.remedy


def test_nobody_waits_where_too_few_budgets_are_left(laid):
    async def draw():
        async with laid(3, 3) as table:
            table.spend(0)
            table.lose(1)
            await table.choose()

    with pytest.raises(LinkError, match=r"E_TOO_FEW_BOARDS.* 1 of 3 .*spent") as caught:
        asyncio.run(draw())
    assert "--resume" not in caught.value.remedy


def test_budgets_are_not_blamed_where_none_is_spent(laid):
    async def draw():
        async with laid(2, 3, patience=0.01) as table:
            await table.choose()

    with pytest.raises(LinkError, match=r"E_TOO_FEW_BOARDS.* needs 3 boards; ready: 2\."):
        asyncio.run(draw())


def test_a_spent_board_that_is_away_is_not_expected_back(laid):
    async def draw():
        async with laid(1, 1) as table:
            table.spend(0)
            return table.fleet.purses.may_come_back(table.devices[0])

    assert not asyncio.run(draw())


def test_a_board_that_was_never_met_may_come_yet():
    """Its name is not known then."""
    never_met = Device(LoopbackTransport(VirtualBoard(features=4, classes=3, uid=7)))
    assert Purses(None).may_come_back(never_met)


def test_a_wait_ends_well_where_its_condition_came_true_without_news(laid):
    """A board that is away may have spent on its way back what it had."""

    async def wait():
        async with laid(2, 1) as table:
            answers = iter([False, True])
            return await table.fleet.wait_until(lambda: next(answers), 0.01)

    assert asyncio.run(wait())


# ---- Budgets of bytes


def test_a_board_that_can_pay_is_waited_for_while_only_broke_ones_are_there(laid):
    async def draw():
        purses = Bytes()
        async with laid(2, 1, purses=purses) as table:
            purses.broke.add(0)
            table.lose(1, unreachable=3)
            return await table.choose()

    assert asyncio.run(draw()) == [1]


@pytest.mark.parametrize("is_there", [True, False])
def test_broke_boards_are_not_waited_for_whether_they_are_there_or_not(laid, is_there):
    async def draw():
        purses = Bytes()
        async with laid(2, 2, purses=purses) as table:
            purses.broke.add(0)
            if not is_there:
                table.lose(0)
            return await table.choose()

    assert asyncio.run(draw()) == [1]


def test_a_round_with_a_budget_needs_its_least_boards_while_so_many_can_pay(laid):
    async def draw():
        purses = Bytes()
        async with laid(3, 2, patience=0.01, purses=purses) as table:
            purses.broke.add(0)
            table.lose(2)
            await table.choose()

    with pytest.raises(LinkError, match=r"E_TOO_FEW_BOARDS.* ready: 1\."):
        asyncio.run(draw())


def test_nobody_waits_for_a_board_that_could_not_pay_for_its_way_back(laid):
    async def connect(run):
        raise BoardError("E_BUDGET_SPENT", "Its budget is spent.", "Give it more.")

    async def draw():
        async with laid(2, 2, purses=Bytes()) as table:
            table.devices[1].connect = connect
            table.lose(1)
            return await table.choose()

    assert asyncio.run(draw()) == [0]
