"""Runs on what boards hold: nothing is given to them but labels and heads, and a label that one meets later joins."""

from __future__ import annotations

import asyncio
import csv
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bytefed._core import VirtualBoard
from bytefed.boards.loopback import LoopbackTransport
from bytefed.codec import CODECS
from bytefed.device import visit
from bytefed.device.device import Device
from bytefed.device.labels import BoardLabels, discard_label, read_labels, set_labels
from bytefed.device.plan import TrainingPlan
from bytefed.device.samples import SampleKeeper
from bytefed.device.visit import capture
from bytefed.errors import BytefedError
from bytefed.events import DataRemark, Event
from bytefed.extractor.manifest import Manifest, model_folder
from bytefed.federation import experiment
from bytefed.federation.config import RunConfig
from bytefed.federation.held import NO_REFERENCE, HeldSamples, HeldTask, united
from bytefed.head import widened
from bytefed.protocol.message import VISIT, Begin, Kind, RoundFlag, State
from bytefed.runs.store import Store

D, C, MOST, MODEL = 4, 2, 5, 0x600D
WINDOW = 0.01  # seconds
KEY = bytes(range(32))
PLAN = TrainingPlan("float32", "float32", epochs=1, batch=4, rate=0.1, seed=1)


def sense(label: int) -> bytes:
    """Return a window whose features tell its label: one is large."""
    window = np.random.RandomState(label).randint(-3, 4, D).astype(np.int8)
    window[label % D] += 100
    return window.tobytes()


class Boards:
    """Boards that stay switched on, whatever command comes."""

    def __init__(self, patch: pytest.MonkeyPatch, count: int = 2, *, sealed: bool = False) -> None:
        self._key = KEY if sealed else None
        self._said: list[Event] = []
        self.boards = [self.new(number, sense) for number in range(count)]
        patch.setattr(experiment, "open_devices", self._open)
        patch.setattr(visit, "_PAUSE", 0.001)

    def new(self, number: int, sensor: Callable[[int], bytes]) -> VirtualBoard:
        """Return a board that is just out of its box."""
        return VirtualBoard(
            features=D, classes=C, uid=0xB0 + number, model=MODEL, input_size=D, scale=1 / 32, capacity=80,
            extract=lambda values: values, sense=sensor, sense_time=1, most_classes=MOST, key=self._key,
        )  # fmt: skip

    def device(self, number: int) -> Device:
        framing = "ble" if self._key else "serial"
        return Device(
            LoopbackTransport(self.boards[number], name=str(number), framing=framing, key=self._key)  # type: ignore[arg-type]
        )

    @asynccontextmanager
    async def _open(self, *_: object) -> AsyncIterator[list[Device]]:
        devices = [self.device(number) for number in range(len(self.boards))]
        try:
            yield devices
        finally:
            for number, device in enumerate(devices):
                await self._leave(number, device)

    def visit(self, number: int, work: Callable[[Device], Awaitable[Any]]) -> Any:
        async def visited() -> Any:
            device = self.device(number)
            await device.connect(VISIT)
            try:
                return await work(device)
            finally:
                await self._leave(number, device)

        return asyncio.run(visited())

    def state(self, number: int, run: int) -> State:
        """Return where a board stands in a run."""

        async def ask(device: Device) -> State:
            await device.close()
            await device.connect(run)
            return State(device.welcome.state)

        found: State = self.visit(number, ask)
        return found

    async def _leave(self, number: int, device: Device) -> None:
        await device.close()
        self.boards[number].disconnect()  # as a radio's link would tell it

    def label(self, number: int, *names: str) -> None:
        self.visit(number, lambda device: set_labels(device, names))

    def labels(self, number: int) -> BoardLabels:
        found: BoardLabels = self.visit(number, read_labels)
        return found

    def capture(self, number: int, *labels: int, count: int = 4) -> None:
        async def take(device: Device) -> None:
            for label in labels:
                for test in (False, True):
                    await capture(device, label, count * WINDOW, test=test)
                    await device.refresh()

        self.visit(number, take)

    def ready(self, *names: str) -> Boards:
        """Give all boards these labels and samples of each."""
        for number in range(len(self.boards)):
            self.label(number, *names)
            self.capture(number, *range(len(names)))
        if self._key:
            time.sleep(1.05)  # boards answer two greetings a second
        return self

    def run(self, folder: Path, rounds: int = 3, **keys: Any) -> dict[str, Any]:
        uris = tuple(f"serial:board-{number}" for number in range(len(self.boards)))
        config = RunConfig(boards=uris, rounds=rounds, **{"data": "boards", "batch_size": 4, **keys})
        return dict(asyncio.run(experiment.begin(config, folder, self._said.append)))

    def resume(self, folder: Path, rounds: int) -> dict[str, Any]:
        return dict(asyncio.run(experiment.resume(folder, {"rounds": rounds}, self._said.append)))

    def remarks(self) -> list[str]:
        return [event.text for event in self._said if isinstance(event, DataRemark)]


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def assert_exact(folder: Path) -> None:
    """Check that each row has the bytes that were predicted, and that all bytes have a cause."""
    every = rows(folder, "bytes") + rows(folder, "sessions")
    assert every
    assert {row["estimate_difference"] for row in every} == {"0"}


@pytest.mark.parametrize("sealed", [False, True], ids=["open", "sealed"])
def test_no_sample_crosses_the_link(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, sealed: bool) -> None:
    boards = Boards(monkeypatch, sealed=sealed).ready("walk", "run", "rest")

    def never(*_: object) -> None:
        raise AssertionError("a sample is about to cross")

    monkeypatch.setattr(SampleKeeper, "_add", never)
    summary = boards.run(tmp_path)
    assert_exact(tmp_path)
    assert {row["phase"] for row in rows(tmp_path, "sessions")} == {"connect", "label", "evaluate"}
    assert summary["sessions"]["provision"]["wire_total"] == 0
    assert boards.boards[0].samples() == 12


def test_the_boards_judge_the_head_and_the_rest_says_why_it_is_absent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    summary = Boards(monkeypatch).ready("walk", "run", "rest").run(tmp_path, rounds=8, statistics_rounds=1)
    assert summary["accuracy_boards_final"] == 1.0
    assert summary["accuracy_final"] is summary["accuracy_central"] is summary["loss_final"] is None
    assert summary["no_reference"] == NO_REFERENCE
    assert summary["class_names"] == ["walk", "run", "rest"]
    assert summary["clients"]["00000000000000b0"]["train"] == [4, 4, 4]
    assert {row["accuracy_global"] for row in rows(tmp_path, "rounds")} == {""}
    assert rows(tmp_path, "rounds")[-1]["accuracy_boards"] == "1.000000"


def test_boards_that_have_met_fewer_labels_get_the_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    boards = Boards(monkeypatch, 3).ready("walk", "run")
    boards.label(2, "walk", "run", "rest", "jump")
    boards.capture(2, 3)
    summary = boards.run(tmp_path)
    assert_exact(tmp_path)
    assert (summary["features"], summary["classes"]) == (D, 4)
    for number in range(3):
        assert boards.labels(number).names == ("walk", "run", "rest", "jump")
    told = [row for row in rows(tmp_path, "sessions") if row["phase"] == "label"]
    assert len(told) == 5  # asked of three, given to two


def test_boards_without_labels_have_those_of_their_image(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    boards = Boards(monkeypatch)
    for number in range(2):
        boards.capture(number, 0, 1)
    assert boards.run(tmp_path)["classes"] == C
    assert_exact(tmp_path)
    assert not boards.labels(0).are_set


def refused(code: str, work: Callable[[], object]) -> str:
    with pytest.raises(BytefedError) as caught:
        work()
    assert caught.value.code == code, caught.value
    assert caught.value.remedy
    return str(caught.value)


def test_labels_by_number_and_by_name_are_refused_together_and_nothing_changes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    boards = Boards(monkeypatch).ready("walk", "run")
    boards.boards[1] = boards.new(1, sense)
    boards.capture(1, 0, 1)
    said = refused("E_LABELS_DIFFER", lambda: boards.run(tmp_path / "run"))
    assert "walk, run" in said
    assert "nobody has set" in said
    assert boards.labels(0).names == ("walk", "run")
    assert not boards.labels(1).are_set
    assert not (tmp_path / "run").exists()


MEANT = ("walk", "run", "rest", "jump")
"""The readings of a board's sensor for each label, by number."""


def in_another_order(monkeypatch: pytest.MonkeyPatch, *names: str, sealed: bool = False) -> Boards:
    """Boards of which the second has the labels walk, run and rest in another order, or others."""
    boards = Boards(monkeypatch, sealed=sealed)
    boards.boards[1] = boards.new(1, lambda label: sense(MEANT.index(names[label])))
    for number, own in enumerate((MEANT[:3], names)):
        boards.label(number, *own)
        boards.capture(number, *range(len(own)))
    if sealed:
        time.sleep(1.05)  # boards answer two greetings a second
    return boards


@pytest.mark.parametrize("codec", ["float32", "int8", "onebit"])
def test_boards_with_their_labels_in_another_order_learn_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, codec: str
) -> None:
    heads = []
    for name, names in (("agreed", MEANT[:3]), ("other", ("rest", "walk", "run"))):
        boards = in_another_order(monkeypatch, *names)
        summary = boards.run(tmp_path / name, rounds=6, codec=codec, batch_size=12)
        assert_exact(tmp_path / name)
        assert boards.labels(1).names == names  # nothing is renamed
        assert summary["class_names"] == list(MEANT[:3])
        assert summary["clients"][f"{0xB1:016x}"]["train"] == [4, 4, 4]
        heads.append(_head(tmp_path / name))
        assert summary["accuracy_boards_final"] == 1.0
    if codec == "float32":  # others round each board's values with draws of their place
        np.testing.assert_allclose(heads[0], heads[1], rtol=1e-4, atol=1e-5)


def test_a_first_round_of_class_means_on_what_boards_hold(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One round is enough to tell these labels apart; the sums' last bits stand a step of 1e-5 higher in the head."""
    heads = []
    for name, names in (("agreed", MEANT[:3]), ("other", ("rest", "walk", "run"))):
        boards = in_another_order(monkeypatch, *names)
        summary = boards.run(tmp_path / name, rounds=1, first_round="class_means")
        assert_exact(tmp_path / name)
        assert summary["accuracy_boards_final"] == 1.0
        heads.append(_head(tmp_path / name))
    np.testing.assert_allclose(heads[0], heads[1], rtol=1e-3, atol=1e-4)


def test_labels_that_only_one_board_has_are_united_by_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    boards = in_another_order(monkeypatch, "jump", "walk", sealed=True)
    summary = boards.run(tmp_path, rounds=4)
    assert_exact(tmp_path)
    assert summary["class_names"] == ["walk", "run", "rest", "jump"]
    assert boards.labels(0).names == ("walk", "run", "rest", "jump")
    assert boards.labels(1).names == ("jump", "walk", "run", "rest")
    clients = summary["clients"]
    assert clients[f"{0xB0:016x}"]["train"] == [4, 4, 4, 0]
    assert clients[f"{0xB1:016x}"]["train"] == [4, 0, 0, 4]
    assert summary["accuracy_boards_final"] == 1.0


def test_a_run_goes_on_with_boards_in_another_order_and_a_label_that_came_later(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    boards = in_another_order(monkeypatch, "rest", "walk", "run", "jump")
    boards.visit(1, lambda device: discard_label(device, 3))
    boards.label(1, "rest", "walk", "run")
    boards.run(tmp_path, rounds=3)
    boards.label(1, "rest", "walk", "run", "jump")
    boards.capture(1, 3)
    summary = boards.resume(tmp_path, 8)
    assert_exact(tmp_path)
    assert boards.labels(1).names == ("rest", "walk", "run", "jump")
    assert summary["class_names"] == list(MEANT)
    assert summary["accuracy_boards_final"] == 1.0


def test_a_board_without_samples_is_refused_and_gets_no_labels(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    boards = Boards(monkeypatch)
    boards.label(0, "walk", "run", "rest")
    boards.capture(0, 0, 1, 2)
    boards.label(1, "walk", "run")
    refused("E_BOARD_NO_SAMPLES", lambda: boards.run(tmp_path / "run"))
    assert boards.labels(1).names == ("walk", "run")


@pytest.mark.parametrize(
    ("lists", "names"),
    [
        ([("a", "b"), ("a", "b", "c")], ("a", "b", "c")),
        ([("a", "b", "c"), ("a", "b")], ("a", "b", "c")),
        ([("", ""), ("", "")], ()),
        ([("a", "b"), ("a", "c")], ("a", "b", "c")),
        ([("a", "b", "c"), ("b", "a", "d")], ("a", "b", "c", "d")),
        ([("a", "b"), ("", "")], None),
        ([("a", "b"), ("", "", "")], None),
    ],
    ids=["longer", "shorter", "none", "other", "swapped", "unnamed", "more-unnamed"],
)
def test_lists_of_labels_are_united(lists: list[tuple[str, ...]], names: tuple[str, ...] | None) -> None:
    named = {f"board {number}": names for number, names in enumerate(lists)}
    if names is None:
        refused("E_LABELS_DIFFER", lambda: united(named))
    else:
        assert united(named) == names


def columns(head: np.ndarray, classes: int) -> np.ndarray:
    """Return the columns of a head, float32 [D + 1, C]."""
    return np.vstack([head[: D * classes].reshape(D, classes), head[D * classes :]])


@pytest.mark.parametrize(
    ("codec", "strategy"),
    [("float32", "fedavg"), ("int8/int8", "fedavg"), ("float32", "fedadam"), ("float32/sign", "fedavgm")],
    ids=["plain", "lossy", "adam", "residual"],
)
def test_a_label_that_one_board_meets_later_joins_the_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, codec: str, strategy: str
) -> None:
    boards = Boards(monkeypatch).ready("walk", "run")
    boards.run(tmp_path, codec=codec, strategy=strategy, server_momentum=0.5)
    with_two = _head(tmp_path)
    boards.label(1, "walk", "run", "jump")
    boards.capture(1, 2)
    summary = boards.resume(tmp_path, 4)
    assert_exact(tmp_path)
    assert summary["class_names"] == ["walk", "run", "jump"]
    assert any("jump" in remark for remark in boards.remarks())
    assert boards.labels(0).names == ("walk", "run", "jump")
    assert summary["clients"]["00000000000000b0"]["train"] == [4, 4, 0]
    assert summary["clients"]["00000000000000b1"]["train"] == [4, 4, 4]
    estimates = {int(row["round"]): int(row["estimate_wire"]) for row in rows(tmp_path, "bytes")}
    assert estimates[4] != estimates[3]
    grown = columns(_head(tmp_path, 3), 3)
    assert np.array_equal(grown[:, :2], columns(with_two, 2))  # what was known is still known
    assert not grown[:, 2].any()
    assert columns(_head(tmp_path), 3)[:, 2].any()  # and the new label is learnt


def test_the_new_head_of_old_rounds_leads_to_the_same_bits(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A board that holds the head of the round before is sent none: its own columns of zeros are the host's."""
    boards = Boards(monkeypatch).ready("walk", "run")
    boards.run(tmp_path, rounds=2)
    boards.label(1, "walk", "run", "jump")
    boards.capture(1, 2)
    boards.resume(tmp_path, 3)
    third = [row for row in rows(tmp_path, "bytes") if row["round"] == "3"]
    assert {row["payload_down"] for row in third} == {"0"}  # all evaluated the head of round 2


def _head(folder: Path, number: int | None = None) -> np.ndarray:
    store = Store.open(folder)
    try:
        return store.head()[1] if number is None else store.head_of(number)
    finally:
        store.close()


@pytest.mark.parametrize("left", [State.READY, State.RECEIVING], ids=["trained", "receiving"])
def test_a_run_that_broke_off_in_a_round_takes_a_label_in(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, left: State
) -> None:
    boards = Boards(monkeypatch).ready("walk", "run")
    boards.run(tmp_path, rounds=2)
    store = Store.open(tmp_path)
    run = store.run
    store.close()

    async def train(device: Device) -> None:
        """Train in the next round, for a host that is never heard of again."""
        await device.close()
        await device.connect(run)
        await device.train(device.plan_round(3, _head(tmp_path), PLAN))

    async def begin(device: Device) -> None:
        """Begin the next round, and send nothing of its head."""
        await device.close()
        await device.connect(run)
        link = device._session.link
        await link.request(Kind.CONFIG, PLAN.message().pack(), Kind.CONFIGURED)
        body = Begin(3, 1, CODECS["float32"].number).pack()
        await link.request(Kind.BEGIN, body, Kind.ACCEPT, flags=RoundFlag.TRAIN)

    boards.visit(0, train if left is State.READY else begin)
    assert boards.state(0, run) is left
    boards.label(1, "walk", "run", "jump")
    boards.capture(1, 2)
    summary = boards.resume(tmp_path, 4)
    assert_exact(tmp_path)
    assert summary["away"] == []
    assert summary["classes"] == 3
    assert boards.labels(0).names == ("walk", "run", "jump")


def test_a_label_that_the_run_does_not_know_is_refused_until_it_is_resumed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    boards = Boards(monkeypatch).ready("walk", "run", "jump")
    held = HeldSamples(HeldTask(D, 2, MODEL, ("walk", "run")))

    async def join(device: Device) -> None:
        await held.ask(device)
        await held.give(device)

    assert "resume" in refused("E_LABELS_DIFFER", lambda: boards.visit(0, join))


def test_a_head_is_widened_column_by_column() -> None:
    head = np.arange(D * 2 + 2, dtype=np.float32)
    wide = columns(widened(head, D, 2, 4), 4)
    assert np.array_equal(wide[:, :2], columns(head, 2))
    assert not wide[:, 2:].any()


def test_the_bound_on_pulls_does_not_hold_up_a_label_in_the_round_when_it_joins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    joined = []
    for name, keys in (("usual", {}), ("unbound", {"norm_bound": 0.0})):
        boards = Boards(monkeypatch, count=3).ready("walk", "run")
        boards.run(tmp_path / name, rounds=20, local_epochs=5, **keys)
        boards.label(0, "walk", "run", "rest", "jump")
        boards.capture(0, 2, 3)
        boards.resume(tmp_path / name, 21)
        joined.append(columns(_head(tmp_path / name), 4))
    assert np.array_equal(joined[0][:, 2:], joined[1][:, 2:])
    assert not np.array_equal(joined[0][:, :2], joined[1][:, :2])  # where it does bound
    for label in range(4):
        window = np.frombuffer(sense(label), np.int8) / 32
        assert (window @ joined[0][:-1] + joined[0][-1]).argmax() == label
    store = Store.open(tmp_path / "usual")
    task = HeldTask.noted(store.meta("held by boards"))
    store.close()
    assert [task.joining(number) for number in (20, 21, 22)] == [range(0), range(2, 4), range(0)]


def test_labels_that_join_one_after_the_other_are_new_in_their_own_rounds() -> None:
    task = HeldTask(D, 6, MODEL, tuple("abcdef"), ((5, 2), (5, 3), (9, 5)))
    assert HeldTask.noted(task.note()).joined == task.joined
    assert [task.joining(number) for number in (1, 5, 6, 9)] == [range(0), range(2, 5), range(0), range(5, 6)]
    assert HeldTask.noted('[4, 2, 24589, ["walk", "run"]]').joined == ()  # of an older version


def test_a_run_that_goes_on_elsewhere_knows_whether_its_features_are_whitened(monkeypatch):
    """Epochs by rule follow from it, and the other host may not know the model."""
    whitened = HeldTask(32, 10, Manifest.load(model_folder("digits")).model_hash, ())
    plain = HeldTask(32, 10, Manifest.load(model_folder("digits_plain")).model_hash, ())
    notes = [whitened.note(), plain.note()]
    monkeypatch.setattr("bytefed.federation.held.is_whitened", lambda *_: False)
    assert not whitened.whitened
    assert [HeldTask.noted(note).whitened for note in notes] == [True, False]
    assert not HeldTask.noted('[4, 2, 24589, ["walk", "run"], [], null]').whitened  # of an older version


# ---- Samples that came from a sensor


def test_samples_of_a_sensor_are_not_replaced_unasked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    boards = Boards(monkeypatch).ready("walk", "run")
    npz = {"X": np.random.RandomState(1).rand(80, D), "y": np.arange(80) % 2}
    np.savez(tmp_path / "mine.npz", **npz)
    mine = str(tmp_path / "mine.npz")
    keys = {"data": mine, "central": False, "partition": "iid"}
    said = refused("E_BOARD_HAS_SAMPLES", lambda: boards.run(tmp_path / "run", **keys))
    assert "00000000000000b0" in said
    assert "8 to train on and 8 to test on" in said
    assert boards.labels(0).train == (4, 4)
    boards.run(tmp_path / "run", overwrite=True, **keys)
    assert sum(boards.labels(0).train) > 8
    boards.run(tmp_path / "again", **keys)  # what a run gave may be replaced


# ---- What can't go together


def test_boards_that_the_run_starts_hold_nothing(tmp_path: Path) -> None:
    config = RunConfig(boards=("loopback:2",), data="boards")
    refused("E_CONFIG_BOARDS", lambda: asyncio.run(experiment.begin(config, tmp_path / "r", print)))


@pytest.mark.parametrize(("sealed", "codec"), [(False, "float32"), (True, "stc10"), (True, "onebit")])
def test_a_budget_is_planned_once_boards_have_told_their_labels_and_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, sealed: bool, codec: str
) -> None:
    most = 3_000
    boards = in_another_order(monkeypatch, "rest", "walk", "jump", sealed=sealed)
    summary = boards.run(tmp_path, rounds=0, budget=f"{most}B", codec=codec)
    assert_exact(tmp_path)
    plan = summary["budget"]
    assert plan["plan"]["rounds"] == summary["rounds"] > 3
    assert plan["spent_most"] == plan["plan"]["worst"] <= most
    assert plan["left_least"] < spent_in_rounds(tmp_path) / summary["rounds"]  # not one round more
    for board in (0xB0, 0xB1):
        spent = sum(
            int(row["wire_total"])
            for row in rows(tmp_path, "bytes") + rows(tmp_path, "sessions")
            if row["board"] == f"{board:016x}" and row.get("phase", "round") != "label"
        )
        assert spent <= most


def test_a_budget_is_kept_when_a_label_that_came_later_makes_the_head_wider(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    boards = Boards(monkeypatch).ready("walk", "run")
    planned = boards.run(tmp_path, rounds=0, budget="6000B")["rounds"]
    again = tmp_path / "again"
    boards = Boards(monkeypatch).ready("walk", "run")
    boards.run(again, rounds=3, budget="6000B")
    boards.label(0, "walk", "run", "rest", "jump")
    boards.capture(0, 2, 3)
    summary = boards.resume(again, planned)
    assert_exact(again)
    assert summary["budget"]["spent_most"] <= 6000
    assert summary["rounds"] < planned
    assert summary["budget"]["ended_early"]


def spent_in_rounds(folder: Path) -> int:
    """Return the bytes in rounds of the board that took most."""
    boards: dict[str, int] = {}
    for row in rows(folder, "bytes"):
        boards[row["board"]] = boards.get(row["board"], 0) + int(row["wire_total"])
    return max(boards.values())


def test_the_summary_is_json(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Boards(monkeypatch).ready("walk", "run").run(tmp_path, rounds=1)
    assert json.loads((tmp_path / "summary.json").read_text())["no_reference"] == NO_REFERENCE
