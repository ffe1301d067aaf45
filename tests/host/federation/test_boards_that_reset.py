"""Boards on USB that are reset during a run: they come back, wherever that is, and the run ends as it would have."""

from __future__ import annotations

import asyncio
import csv
import json
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from usb_hub import EACCES, EBUSY, EIO, Hub, HubBoard

from bytefed.boards.loopback import LoopbackTransport
from bytefed.device.device import Device
from bytefed.device.frames import TRACE
from bytefed.device.plan import Samples, TrainingPlan
from bytefed.errors import LinkError
from bytefed.events import BoardAway, BoardBack, BoardTrouble, Event, RoundClosed
from bytefed.federation import experiment
from bytefed.federation import fleet as fleet_module
from bytefed.federation.config import RunConfig
from bytefed.keys import BoardKey, KeyFile
from bytefed.protocol.message import State
from bytefed.runs.store import Store
from bytefed.transport import serial as serial_transport

pytestmark = pytest.mark.skipif(os.name != "posix", reason="no pseudo-terminals on this system")

D, C, ROUNDS = 4, 3, 4
Deed = Callable[["Bench"], Awaitable[None]]


class Bench:
    """A run over a hub of boards.

    Attributes:
        hub: The hub.
        boards: The boards, by client; board n is at ttyACMn when the run begins.
        events: Events of the run.
        head: float32 [P], the global head after the last round, once the run is over.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
        self.folder = folder
        self.hub = Hub(folder / "dev")
        self._monkeypatch = monkeypatch
        monkeypatch.setenv("BYTEFED_KEYS", str(folder / "keys.toml"))
        self.boards = [HubBoard(0xB0 + number, D, C, bytes([number + 1]) * 32) for number in range(count)]
        with KeyFile().changing() as known:
            known.update({board.uid: BoardKey(board.uid, board.key) for board in self.boards})
        self.events: list[Event] = []
        self.head = b""
        self._deeds: list[asyncio.Task[None]] = []

    def said(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def run(
        self, deed: Deed | None = None, after: int = 2, *, boards: tuple[str, ...] | None = None, **keys: Any
    ) -> dict[str, Any]:
        """Run; the deed is done once round `after` is closed."""
        rng = np.random.default_rng(1)
        y = np.arange(100 * len(self.boards)) % C
        x = (rng.normal(0, 30, (len(y), D)) + 50 * np.eye(C, D)[y]).clip(-128, 127).astype(np.int8)
        np.savez(self.folder / "heaps.npz", X=x, y=y, test=np.arange(len(y)) % 4 == 0)
        names = [self.hub.path(f"ttyACM{number}") for number in range(len(self.boards))]
        config = RunConfig(
            boards=boards or tuple(f"serial:{name}" for name in names), data=str(self.folder / "heaps.npz"),
            rounds=ROUNDS, partition="iid", local_epochs=1, central=False, **keys,
        )  # fmt: skip

        def listen(event: Event) -> None:
            self.events.append(event)
            if deed and isinstance(event, RoundClosed) and event.round == after:
                self.do(deed)

        async def play() -> None:
            self.hub.be_the_system(self._monkeypatch)
            for number, board in enumerate(self.boards):
                self.hub.plug(board, f"ttyACM{number}")
            try:
                await experiment.begin(config, self.folder / "run", listen)
                await asyncio.gather(*self._deeds)
            finally:
                self.hub.close()

        asyncio.run(play())
        with closing(Store.open(self.folder / "run")) as store:
            number, head = store.head()
            self.head = head.tobytes()
        assert number == ROUNDS
        summary: dict[str, Any] = json.loads((self.folder / "run" / "summary.json").read_text())
        return summary

    def do(self, deed: Deed) -> None:
        """Do something beside the run."""

        async def done() -> None:
            await deed(self)

        self._deeds.append(asyncio.get_running_loop().create_task(done()))

    def reset(self, number: int) -> HubBoard:
        """Let a board's port vanish; the board is switched off and on."""
        name = next(
            name for name in sorted(self.hub.plugged) if self.hub.plugged[name] is self.boards[number]
        )
        board = self.hub.unplug(name)
        board.reset()
        return board

    def rows(self) -> list[dict[str, str]]:
        with (self.folder / "run" / "bytes.csv").open(newline="") as file:
            return list(csv.DictReader(file))


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], Bench]]:
    monkeypatch.setattr(serial_transport, "_GRACE", 0.5)
    monkeypatch.setattr(serial_transport, "_WRONG_FOR", 0.5)
    made = Counter[str]()

    def make(count: int) -> Bench:
        made["benches"] += 1
        folder = tmp_path / f"{made['benches']}"
        folder.mkdir()
        return Bench(folder, monkeypatch, count)

    yield make


def check_as_if_nothing_had_been(disturbed: Bench, calm: Bench) -> None:
    """The same head as without the disturbance, each board once in each round, each byte put down."""
    calm.run()
    assert disturbed.head == calm.head
    rows = disturbed.rows()
    assert Counter((row["round"], row["board"]) for row in rows if row["status"] == "ok") == Counter(
        (f"{number}", f"{board.uid:016x}") for number in range(1, ROUNDS + 1) for board in disturbed.boards
    )
    assert len(rows) == ROUNDS * len(disturbed.boards)
    assert not disturbed.said(BoardTrouble)
    asked = [(event.participants, event.asked) for event in disturbed.said(RoundClosed)]
    assert asked == [(len(disturbed.boards),) * 2] * ROUNDS


Make = Callable[[int], Bench]


def test_the_only_board_is_gone_for_two_seconds(bench: Make) -> None:
    async def deed(run: Bench) -> None:
        board = run.reset(0)
        await asyncio.sleep(2)
        run.hub.plug(board, "ttyACM0")

    run = bench(1)
    summary = run.run(deed)
    check_as_if_nothing_had_been(run, bench(1))
    (*_, away), (back,) = (
        run.said(BoardAway),
        run.said(BoardBack),
    )  # a busy machine may tell of the lost link first
    assert (away.round, away.code, away.board) == (3, "E_PORT_NOT_FOUND", f"{run.boards[0].uid:016x}")
    assert away.remedy and back.uri.endswith("ttyACM0")
    assert summary["away"] == []


def test_three_boards_behind_a_hub_that_drops_out(bench: Make) -> None:
    async def deed(run: Bench) -> None:
        boards = [run.reset(number) for number in range(3)]
        await asyncio.sleep(1)
        for number in (2, 0, 1):  # in whatever order they come back
            run.hub.plug(boards[number], f"ttyACM{number}")
            await asyncio.sleep(0.1)

    run = bench(3)
    run.run(deed)
    check_as_if_nothing_had_been(run, bench(3))


@pytest.mark.parametrize("auto", [False, True])
def test_a_board_that_returns_under_another_name(bench: Make, auto: bool) -> None:
    async def deed(run: Bench) -> None:
        board = run.reset(1)
        await asyncio.sleep(0.3)
        run.hub.plug(board, "ttyACM7")

    run = bench(3)
    run.run(deed, boards=("serial:auto",) if auto else None)
    check_as_if_nothing_had_been(run, bench(3))


def test_two_boards_that_swap_names(bench: Make) -> None:
    async def deed(run: Bench) -> None:
        first, second = run.reset(0), run.reset(1)
        run.hub.plug(first, "ttyACM1")
        run.hub.plug(second, "ttyACM0")

    run = bench(2)
    run.run(deed)
    check_as_if_nothing_had_been(run, bench(2))


def test_names_that_go_round_and_a_board_that_is_idle(bench: Make) -> None:
    """Three boards get each other's names; two are asked in each round, so the third notices only later."""

    async def deed(run: Bench) -> None:
        boards = [run.reset(number) for number in range(3)]
        for number, board in enumerate(boards):
            run.hub.plug(board, f"ttyACM{(number + 1) % 3}")

    run, calm = bench(3), bench(3)
    run.run(deed, after=1, fraction_train=0.67)
    calm.run(fraction_train=0.67)
    assert run.head == calm.head
    assert not run.said(BoardTrouble)
    assert [event.participants for event in run.said(RoundClosed)] == [2] * ROUNDS


def test_a_board_that_comes_back_without_its_key_is_named_and_the_run_goes_on(bench: Make) -> None:
    """Its flash has lost the key, or somebody has changed it: it is not talked to in the clear."""

    async def deed(run: Bench) -> None:
        run.boards[0].key = None
        run.hub.plug(run.reset(0), "ttyACM0")

    run = bench(3)
    run.run(deed, after=2)
    (trouble,) = run.said(BoardTrouble)
    assert (trouble.board, trouble.code) == (f"{run.boards[0].uid:016x}", "E_BOARD_UNPAIRED")
    assert "has lost its key" in trouble.message
    participants = [event.participants for event in run.said(RoundClosed)]
    assert participants == [3, 3, *[2] * (ROUNDS - 2)]


@pytest.mark.parametrize("name", ["ttyACM0", "ttyACM4"])
def test_a_board_of_another_run_is_neither_claimed_nor_disturbed(bench: Make, name: str) -> None:
    """It is plugged in meanwhile, at the old port's name or at one that is looked at before the right one."""
    stranger = HubBoard(0x57, D, C)

    async def deed(run: Bench) -> None:
        await leave_with_a_delta(stranger)
        board = run.reset(0)
        run.hub.plug(stranger, name)
        await asyncio.sleep(0.2)
        run.hub.plug(board, "ttyACM5")

    run = bench(1)
    run.run(deed)
    check_as_if_nothing_had_been(run, bench(1))
    assert stranger.heard
    assert (stranger.board.state, stranger.board.round) == (State.READY, 9)


async def leave_with_a_delta(board: HubBoard) -> None:
    """Let a board train for a run that has not fetched the delta for good yet."""
    device = Device(LoopbackTransport(board.board))
    await device.connect(77)
    x, y = np.ones((6, D), np.int8), np.arange(6, dtype=np.uint8) % C
    await device.provision(Samples("features", x, y, x[:0], y[:0], 1.0, 0))
    plan = TrainingPlan("float32", "float32", epochs=1, batch=2, rate=0.1, seed=1)
    await device.train(device.plan_round(9, np.zeros(D * C + C, np.float32), plan))
    await device.close()


def test_a_board_in_its_bootloader_is_named_and_not_opened(bench: Make) -> None:
    async def deed(run: Bench) -> None:
        board = run.reset(0)
        run.hub.enter_bootloader("ttyACM0")
        before = run.hub.opened.count("ttyACM0")
        await asyncio.sleep(1.5)
        assert run.hub.opened.count("ttyACM0") == before
        run.hub.leave_bootloader("ttyACM0")
        run.hub.plug(board, "ttyACM0")

    run = bench(1)
    run.run(deed)
    check_as_if_nothing_had_been(run, bench(1))
    assert [event.code for event in run.said(BoardAway)] == ["E_BOOTLOADER"]


def given_samples(caplog: pytest.LogCaptureFixture) -> set[str]:
    """Return the names of the ports behind which boards were given samples, by the trace of all frames."""
    frames = [vars(record)["frame"] for record in caplog.records if record.name == TRACE.name]
    return {Path(frame["board"]).name for frame in frames if frame["frame"] == "ADD"}


@pytest.mark.parametrize("state", [State.TRAINING, State.READY])
def test_a_board_that_comes_back_with_fresh_flash_in_the_middle_of_a_round(
    bench: Make, state: State, caplog: pytest.LogCaptureFixture
) -> None:
    """Its samples are given again, and it trains once more."""

    async def deed(run: Bench) -> None:
        board = run.reset(0)
        await asyncio.sleep(0.2)
        run.hub.plug(board, "ttyACM3")

    caplog.set_level("DEBUG", TRACE.name)
    run = bench(2)
    run.boards[0].at = lambda each: (
        each.board.round == 2 and each.board.state >= state and (run.do(deed) or True)
    )
    run.run()
    assert given_samples(caplog) == {"ttyACM0", "ttyACM1", "ttyACM3"}
    check_as_if_nothing_had_been(run, bench(2))
    again = [int(row["retransmission"]) for row in run.rows() if row["round"] == "2"]
    assert max(again) > 70 * (1 + D)  # of its 75 samples


def test_a_board_whose_port_alone_was_gone_is_not_given_its_samples_again(
    bench: Make, caplog: pytest.LogCaptureFixture
) -> None:
    """It has a battery, or its hub was reset: it still has all that it had.

    A board that is slow to answer is greeted again and again, so that bytes alone would not tell.
    """

    async def deed(run: Bench) -> None:
        board = run.hub.unplug("ttyACM0")
        await asyncio.sleep(0.2)
        run.hub.plug(board, "ttyACM3")

    caplog.set_level("DEBUG", TRACE.name)
    run = bench(1)
    run.run(deed)
    assert given_samples(caplog) == {"ttyACM0"}
    check_as_if_nothing_had_been(run, bench(1))
    assert max(int(row["retransmission"]) for row in run.rows()) > 0


@pytest.mark.parametrize(
    ("number", "code"), [(EIO, "E_PORT_LOST"), (EACCES, "E_PORT_DENIED"), (EBUSY, "E_PORT_BUSY")]
)
def test_a_port_that_can_not_be_opened_just_after_a_reset(bench: Make, number: int, code: str) -> None:
    async def deed(run: Bench) -> None:
        run.hub.shy["ttyACM0"] = number
        run.hub.plug(run.reset(0), "ttyACM0")
        await asyncio.sleep(1.5)
        run.hub.shy.clear()

    run = bench(1)
    run.run(deed)
    check_as_if_nothing_had_been(run, bench(1))
    assert [event.code for event in run.said(BoardAway)] == [code]


def test_a_board_that_stays_away_keeps_its_place_and_is_named_in_the_end(
    bench: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def deed(run: Bench) -> None:
        run.reset(1)

    monkeypatch.setattr(serial_transport, "RETURN_PATIENCE", 0.3)
    run = bench(2)
    summary = run.run(deed)
    gone = f"{run.boards[1].uid:016x}"
    assert [(event.participants, event.asked) for event in run.said(RoundClosed)] == [(2, 2)] * 2 + [
        (1, 2)
    ] * 2
    assert summary["away"] == [gone]
    assert [event.board for event in run.said(BoardTrouble)] == [gone]


def test_a_board_that_comes_back_after_it_was_given_up_is_found_by_its_uid(
    bench: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is behind the port where another board was, which is behind its own."""

    async def deed(run: Bench) -> None:
        boards = [run.reset(1), run.reset(2)]
        while len(run.said(BoardTrouble)) < 2:
            await asyncio.sleep(0.05)
        for board, name in zip(boards, ("ttyACM2", "ttyACM1"), strict=True):
            run.hub.plug(board, name)

    monkeypatch.setattr(serial_transport, "RETURN_PATIENCE", 2.0)
    monkeypatch.setattr(fleet_module, "_FIRST_SEEK", 0.05)
    run = bench(3)
    summary = run.run(deed, min_train_nodes=3, deadline=60.0, quorum=0.2)
    asked = [(event.participants, event.asked) for event in run.said(RoundClosed)]
    assert asked == [(3, 3)] * 2 + [(1, 3), (3, 3)]
    assert summary["away"] == []


def test_a_round_whose_only_board_stays_away_ends_the_run(
    bench: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def deed(run: Bench) -> None:
        run.reset(0)

    monkeypatch.setattr(serial_transport, "RETURN_PATIENCE", 0.5)
    run = bench(1)
    with pytest.raises(LinkError) as caught:
        run.run(deed)
    assert caught.value.code == "E_QUORUM"
