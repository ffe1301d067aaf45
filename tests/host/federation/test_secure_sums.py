"""Runs with --secure-sum: every byte predicted, no single delta anywhere, and boards that are lost at bad moments."""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bytefed
from bytefed.boards.loopback import LoopbackTransport
from bytefed.boards.virtual import BoardKind, board_uid, make_board
from bytefed.cli.main import main
from bytefed.device.device import Device
from bytefed.device.round import Round
from bytefed.errors import ConfigError, LinkError, StoreError
from bytefed.events import DataRemark, Event, RoundClosed, RoundVoid
from bytefed.federation import secure_sum
from bytefed.federation.config import RunConfig
from bytefed.federation.experiment import begin
from bytefed.ledger.estimate import link_profile
from bytefed.ledger.wire_size import unmask_bytes
from bytefed.protocol.message import Kind
from bytefed.runs.store import Store

KEYS: dict[str, Any] = {"data": "digits", "seed": 3, "central": False}


def run(folder: Path, boards: str = "loopback:5", **keys: Any) -> bytefed.RunResult:
    return bytefed.run(boards=[boards], directory=folder, secure_sum=True, **{**KEYS, "rounds": 4, **keys})


def summary_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    return found


@pytest.mark.parametrize(
    ("codec", "boards", "is_open"),
    [
        ("float32", "loopback:5", False),
        ("float32/int8", "loopback:5", False),
        ("onebit", "loopback:20", False),
        ("twobit", "loopback:3", True),
        ("onebit", "virtual:4", False),
        ("onebit", "virtual-ble:4", False),
        ("float32", "virtual-ble:4", True),
    ],
)
def test_every_byte_is_predicted(tmp_path: Path, codec: str, boards: str, is_open: bool) -> None:
    run(tmp_path / "run", boards, open=is_open, codec=codec, statistics_rounds=2)
    found = summary_of(tmp_path / "run")
    count = int(boards.partition(":")[2])
    link = "ble" if "ble" in boards else "serial"
    predicted = bytefed.estimate(
        features=32, classes=10, clients=count, rounds=4, codec=codec, statistics_rounds=2, secure_sum=True,
        link=link, open=is_open,
    )  # fmt: skip
    assert found["estimate_exact"]
    assert found["wire_total"] == predicted.rounds.wire_total
    sessions = {name: sums["wire_total"] for name, sums in found["sessions"].items()}
    assert sessions["masks"] == predicted.masks.wire_total > 0
    assert sessions["unmask"] == predicted.unmask.wire_total > 0
    assert sessions["evaluate"] == predicted.evaluate.wire_total == 0
    assert sessions["release"] == predicted.release.wire_total > 0
    counted = found["wire_total"] + sum(sessions.values()) - sessions["provision"]
    assert counted == predicted.total.wire_total
    assert found["accuracy_final"] > 0.9
    told = found["secure_sum"]
    assert (told["void"], told["setups"], told["min_sum"]) == (0, 1, 3)
    assert [each["round"] for each in told["statistics"]] == [2, 4]
    assert all(0 < each["test_correct"] <= each["tested"] for each in told["statistics"])


def test_the_bytes_that_the_design_promised() -> None:
    onebit = {
        "features": 32,
        "classes": 10,
        "codec": "onebit",
        "link": "ble",
        "secure_sum": True,
        "rounds": 1,
    }
    for clients, a_round, setup in ((8, 340, 309), (64, 505, 610)):
        found = bytefed.estimate(clients=clients, **onebit)
        unmask = found.unmask.wire_total // clients
        assert found.board_round.wire_total + unmask <= a_round
        assert found.masks.wire_total // clients <= setup


# ---- No single delta


@contextmanager
def hidden_deltas() -> Iterator[list[bytes]]:
    """Note what boards sent."""
    seen: list[bytes] = []
    reply = Round.reply

    def noted(self: Round) -> Any:
        found = reply(self)
        seen.append(found.hidden or b"")
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Round, "reply", noted)
        yield seen


def pieces(blob: bytes) -> set[bytes]:
    """Return pieces of a blob that no file has by chance: 16 bytes, not all alike."""
    found = {blob[start : start + 16] for start in range(0, len(blob) - 15, 16)}
    return {piece for piece in found if len(set(piece)) > 8}


def everything(folder: Path) -> bytes:
    return b"\n".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


@pytest.mark.parametrize("codec", ["float32", "float32/onebit"])
def test_nothing_holds_a_single_delta(tmp_path: Path, codec: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    events: list[Event] = []
    with hidden_deltas() as hidden:
        run(tmp_path / "sums", rounds=2, codec=codec, statistics_rounds=1, progress=events.append)
    plain = bytefed.run(
        boards=["loopback:5"], directory=tmp_path / "plain", rounds=2, codec="float32", statistics_rounds=1,
        norm_bound=0.0, **KEYS,
    )  # fmt: skip
    assert plain.accuracy is not None
    with closing(Store.open(tmp_path / "plain")) as store:
        deltas = [delta.delta for delta in store.deltas(1)]  # those of round 1 are the same in both runs
        losses = [delta.loss for delta in store.deltas(1)]
    singles = [piece for delta in deltas for piece in pieces(delta.tobytes())]
    assert len(singles) > 100 and all(piece in everything(tmp_path / "plain") for piece in singles)
    kept = everything(tmp_path / "sums") + caplog.text.encode() + repr(events).encode()
    assert not [piece for piece in singles if piece in kept]
    assert len(hidden) == 10 and not [piece for blob in hidden for piece in pieces(blob) if piece in kept]
    assert all(f"{loss:.6f}" in everything(tmp_path / "plain").decode("latin1") for loss in losses)
    assert not [loss for loss in losses if f"{loss:.5f}" in kept.decode("latin1")]
    rows = list(csv.DictReader((tmp_path / "sums" / "bytes.csv").read_text().splitlines()))
    assert {row[name] for row in rows for name in ("num_examples", "loss", "accuracy")} == {""}
    with closing(Store.open(tmp_path / "sums")) as store:
        found = store.deltas(1)
        assert len(found) == 5 and all(each.applied and each.delta.size == 0 for each in found)
        assert {(each.num_examples, each.loss, each.correct) for each in found} == {(0, None, None)}
        total = store.sum_of(1)
    assert total is not None and total.examples > 0
    with closing(Store.open(tmp_path / "plain")) as store:
        weights = [delta.num_examples for delta in store.deltas(1)]
    mean = np.average(deltas, axis=0, weights=weights)
    assert sum(weights) == total.examples
    assert np.corrcoef(total.mean, mean)[0, 1] > (0.999999 if codec == "float32" else 0.8)


# ---- Boards that are lost


class Frail(LoopbackTransport):
    """A board that can be reset, and a link that can die at a kind of message."""

    def __init__(self, index: int, mtu: int = 247) -> None:
        self._kind, self._uid = BoardKind(32, 10), board_uid(0, index)
        self.dies_at: Kind | None = None
        self.dead, self.pause, self._resets = False, 0.0, False
        super().__init__(make_board(self._kind, self._uid), name=str(index), framing="ble", mtu=mtu)

    def reset(self) -> None:
        """Be reset just before the next frame comes."""
        self._resets = True

    async def open(self) -> None:
        if self.dead:
            raise LinkError("E_PORT_MISSING", f"{self.uri} is gone", "Put it back.")
        await super().open()

    async def write(self, data: bytes) -> None:
        if self._resets:
            self._resets, self._board = False, make_board(self._kind, self._uid)
            await self.close()
            raise LinkError("E_LINK_LOST", "reset", "")
        if self.dies_at in (data[0], data[0] & 0xF0):
            self.dead = True
            await self.close()
            raise LinkError("E_LINK_LOST", "gone", "")
        await super().write(data)

    async def read(self) -> bytes:
        data = await super().read()
        if data[0] & 0xF0 == Kind.DONE:
            await asyncio.sleep(self.pause)
        return data


def live(
    folder: Path, links: list[Frail], happens: Callable[[int], None], **keys: Any
) -> tuple[dict[str, Any], list[Event]]:
    """Run boards of ours, and let something happen after each round."""
    events: list[Event] = []

    def listener(event: Event) -> None:
        events.append(event)
        if isinstance(event, RoundClosed):
            happens(event.round)

    config = RunConfig(**{
        **KEYS, "rounds": 5, "open": True, "secure_sum": True, "norm_bound": 0.0, "min_train_nodes": 3,
        "deadline": 2.0, "boards": ("loopback:5",), **keys,
    })  # fmt: skip
    devices = [Device(link) for link in links]
    summary = asyncio.run(begin(config, folder, listener, devices=devices))
    return dict(summary), events


def participants(events: list[Event]) -> list[int]:
    return [event.participants for event in events if isinstance(event, RoundClosed)]


@pytest.mark.parametrize("codec", ["float32", "onebit"])
def test_after_a_reset_masks_are_set_up_anew(tmp_path: Path, codec: str) -> None:
    links = [Frail(index) for index in range(5)]
    found, events = live(
        tmp_path / "run", links, lambda number: links[1].reset() if number == 2 else None, codec=codec
    )
    assert found["complete"] and found["secure_sum"]["void"] == 0
    assert found["secure_sum"]["setups"] >= 2
    counts = participants(events)
    assert counts[:2] == [5, 5] and counts[-1] == 5 and min(counts) >= 4
    assert found["accuracy_final"] > 0.9


def test_who_is_gone_before_it_has_trained_is_left_out_of_the_sum(tmp_path: Path) -> None:
    links = [Frail(index) for index in range(5)]

    def happens(number: int) -> None:
        if number == 2:
            links[4].dies_at = Kind.BEGIN

    found, events = live(tmp_path / "run", links, happens)
    assert found["complete"] and found["secure_sum"]["void"] == 0
    assert participants(events)[:2] == [5, 5] and set(participants(events)[2:]) == {4}
    rows = list(csv.DictReader((tmp_path / "run" / "sessions.csv").read_text().splitlines()))
    unmasked = [row for row in rows if row["phase"] == "unmask" and row["status"] == "ok"]
    assert all(row["wire_total"] == row["estimate_wire"] for row in unmasked)
    assert len({row["wire_total"] for row in unmasked}) == 2  # a lost neighbour takes 16 B


def test_a_round_whose_unmasking_fails_is_void(tmp_path: Path) -> None:
    links = [Frail(index) for index in range(5)]

    def happens(number: int) -> None:
        if number == 2:
            links[0].dies_at = Kind.UNMASK

    found, events = live(tmp_path / "run", links, happens)
    assert found["complete"] and found["secure_sum"]["void"] == 1
    assert found["secure_sum"]["setups"] == 2  # those that are left begin anew
    assert participants(events) == [5, 5, 0, 4, 4]
    with closing(Store.open(tmp_path / "run")) as store:
        assert (store.head_of(2) == store.head_of(3)).all() and not (
            store.head_of(3) == store.head_of(4)
        ).all()
        assert store.sum_of(3) is None and store.deltas(3) == []
    assert found["accuracy_final"] > 0.9


def test_a_round_whose_keys_were_asked_for_is_never_begun_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second sum of other boards would show, beside the first one, what a single board hid."""
    commit = Store.commit_sum

    def full(self: Store, number: int, *rest: Any) -> None:
        if number == 2:
            raise StoreError("E_STORE_WRITE", "no space is left", "Make room.")
        commit(self, number, *rest)

    with monkeypatch.context() as patch, pytest.raises(StoreError):
        patch.setattr(Store, "commit_sum", full)
        run(tmp_path / "run", "loopback:5")
    bytefed.resume(tmp_path / "run")
    found = summary_of(tmp_path / "run")
    assert (found["rounds"], found["secure_sum"]["void"]) == (4, 1)
    with closing(Store.open(tmp_path / "run")) as store:
        assert (store.head_of(1) == store.head_of(2)).all() and store.sum_of(2) is None
    rows = list(csv.DictReader((tmp_path / "run" / "sessions.csv").read_text().splitlines()))
    asked = [row["round"] for row in rows if row["phase"] == "unmask"]
    assert asked.count("2") == 5 and asked.count("3") == 5


def test_a_sum_whose_masks_do_not_cancel_is_void(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sort, calls = secure_sum.sorted_keys, iter(range(10))

    def wrong(*args: Any) -> Any:
        added, subtracted = sort(*args)
        return (added[1:], subtracted) if next(calls) == 1 else (added, subtracted)

    monkeypatch.setattr(secure_sum, "sorted_keys", wrong)
    events: list[Event] = []
    run(tmp_path / "run", "loopback:5", rounds=6, codec="onebit", progress=events.append)
    found = summary_of(tmp_path / "run")
    assert (found["secure_sum"]["void"], found["secure_sum"]["setups"]) == (1, 2)
    assert found["accuracy_final"] > 0.9  # neither the head nor the next step has anything of it
    assert [
        event.round for event in events if isinstance(event, RoundVoid) and "did not cancel" in event.reason
    ] == [2]


@pytest.mark.parametrize(
    ("codec", "boards"),
    [
        ("float32", "loopback:5"),
        ("int8", "virtual-ble:4"),
        ("onebit", "loopback:20"),
        ("twobit", "virtual:4"),
    ],
)
def test_noise_of_samples_is_hidden_in_sums(tmp_path: Path, codec: str, boards: str) -> None:
    result = run(tmp_path / "run", boards, codec=codec, dp="sample", epsilon=8.0, delta=1e-4)
    found, count = summary_of(tmp_path / "run"), int(boards.partition(":")[2])
    predicted = bytefed.estimate(
        features=32, classes=10, clients=count, rounds=4, codec=codec, secure_sum=True, dp="sample",
        link="ble" if "ble" in boards else "serial",
    )  # fmt: skip
    assert found["estimate_exact"] and found["wire_total"] == predicted.rounds.wire_total
    sessions = {name: sums["wire_total"] for name, sums in found["sessions"].items()}
    assert sessions["masks"] == predicted.masks.wire_total
    assert sessions["unmask"] == predicted.unmask.wire_total
    told, spent = found["privacy"], found["privacy"]["boards"].values()
    assert len(spent) == count and all(each["spent"] == each["budget"] == 4 * told["cost"] for each in spent)
    assert found["secure_sum"]["statistics"] == [] and found["secure_sum"]["setups"] == 1
    assert found["accuracy_final"] > 0.8
    page = result.report(tmp_path / "page.html").read_text()
    assert "Told of a sample, at most" in page and "Deltas hidden in sums" in page


def test_a_board_that_was_reset_comes_back_to_the_sum_with_noise(tmp_path: Path) -> None:
    """Its first NOISE would make it forget its masks, so it comes before them again."""
    links = [Frail(index) for index in range(5)]
    found, events = live(
        tmp_path / "run", links, lambda number: links[1].reset() if number == 2 else None,
        dp="sample", epsilon=8.0, delta=1e-4, local_epochs=1, statistics_rounds=0, learning_rate=2.0,
        learning_rate_decay=1.0, local_test=0.0,
    )  # fmt: skip
    assert found["complete"] and found["secure_sum"]["void"] == 0
    assert participants(events)[:2] == [5, 5] and min(participants(events)) >= 4
    said = [event.text for event in events if isinstance(event, DataRemark)]
    assert (
        sum("has lost its samples" in text and "the epsilons of both budgets add" in text for text in said)
        == 1
    )
    assert len(found["privacy"]["new_budgets"]) == 1
    assert all(each["spent"] <= each["budget"] for each in found["privacy"]["boards"].values())


def test_links_without_room_for_a_point_are_refused_at_the_start(tmp_path: Path) -> None:
    asked: dict[str, Any] = {
        "features": 32,
        "clients": 4,
        "codec": "onebit",
        "link": "ble",
        "secure_sum": True,
    }
    with pytest.raises(ConfigError, match="points of a secure sum") as caught:
        bytefed.estimate(rounds=5, mtu=37, open=True, **asked)
    assert caught.value.code == "E_MTU_SMALL" and "38 or more" in caught.value.remedy
    narrow = [Frail(index, mtu=37 if index == 2 else 247) for index in range(4)]
    with pytest.raises(ConfigError, match="E_MTU_SMALL"):
        live(tmp_path / "narrow", narrow, lambda number: None)
    assert not (tmp_path / "narrow").exists()
    wide = [Frail(index, mtu=38) for index in range(4)]
    found, _ = live(tmp_path / "wide", wide, lambda number: None, codec="onebit", boards=("loopback:4",))
    predicted = bytefed.estimate(rounds=5, mtu=38, open=True, **asked)
    assert found["estimate_exact"] and found["wire_total"] == predicted.rounds.wire_total


def test_a_delta_that_comes_late_is_thrown_away(tmp_path: Path) -> None:
    links = [Frail(index) for index in range(5)]
    for link in links:
        link.pause = 1.2 if link is links[2] else 0.4
    found, _ = live(
        tmp_path / "run", links, lambda number: None, deadline=0.5, rounds=4, codec="float32/onebit"
    )
    with closing(Store.open(tmp_path / "run")) as store:
        assert all(each.status == "ok" for number in range(1, 5) for each in store.deltas(number))
    rows = list(csv.DictReader((tmp_path / "run" / "bytes.csv").read_text().splitlines()))
    assert "late" in {row["status"] for row in rows}
    assert found["secure_sum"]["void"] == 0


@pytest.mark.parametrize("strategy", ["fedavg", "fedadam"])
def test_a_resumed_run_sets_up_masks_anew(tmp_path: Path, strategy: str) -> None:
    keys: dict[str, Any] = {"codec": "float32/twobit", "strategy": strategy, "learning_rate": 0.2}
    run(tmp_path / "whole", rounds=5, **keys)
    run(tmp_path / "parts", rounds=2, **keys)
    bytefed.resume(tmp_path / "parts", rounds=5)
    whole, parts = summary_of(tmp_path / "whole"), summary_of(tmp_path / "parts")
    assert parts["secure_sum"]["setups"] == 2 and whole["secure_sum"]["setups"] == 1
    assert parts["rounds"] == 5 and parts["secure_sum"]["void"] == 0
    assert parts["estimate_exact"]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"codec": "stc5"}, "positions"),
        ({"codec": "float32/sign"}, "sign"),
        ({"strategy": "krum"}, "single deltas"),
        ({"strategy": "fedmedian"}, "single deltas"),
        ({"norm_bound": 3.0}, "bound"),
        ({"personal": True}, "personal"),
        ({"budget": "50kB"}, "budget"),
        ({"data": "boards"}, "labels"),
        ({"fraction_train": 0.5}, "all boards take part"),
        ({"min_train_nodes": 2}, "fewer than 3"),
    ],
)
def test_keys_that_do_not_go_together(keys: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        run(tmp_path / "run", **keys)
    assert caught.value.code == "E_CONFIG_SECURE_SUM" and caught.value.remedy


@pytest.mark.parametrize(("codec", "most"), [("int8", 64), ("twobit", 5461)])
def test_an_estimate_refuses_the_sums_that_no_run_has(
    codec: str, most: int, capsys: pytest.CaptureFixture[str]
) -> None:
    keys: dict[str, Any] = {"features": 32, "classes": 10, "codec": codec, "secure_sum": True}
    assert bytefed.estimate(clients=most, **keys).total.wire_total
    with pytest.raises(ConfigError, match=f"no room in a board's memory.*at most {most:,}") as caught:
        bytefed.estimate(clients=most + 1, **keys)
    assert caught.value.code == "E_CONFIG_SECURE_SUM" and "onebit 16,383" in caught.value.remedy
    command = ["estimate", "--secure-sum", "--codec", codec, "--clients", str(most + 1)]
    assert main(command) == 2 and f"at most {most:,}" in capsys.readouterr().err


@pytest.mark.parametrize("link", ["serial", "ble"])
def test_an_estimate_says_what_a_lost_board_adds(link: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["estimate", "--secure-sum", "--link", link]) == 0
    profile = link_profile(link)
    more = unmask_bytes(profile, 2).wire_total - unmask_bytes(profile, 1).wire_total
    assert more == 16
    assert f"adds {more} B to the answer of each of its 7 neighbours" in " ".join(
        capsys.readouterr().out.split()
    )


def test_two_boards_are_too_few(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="fewer than 3") as caught:
        run(tmp_path / "run", "loopback:2")
    assert caught.value.code == "E_CONFIG_SECURE_SUM"
