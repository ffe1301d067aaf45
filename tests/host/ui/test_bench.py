"""The boards at the page, in this process: labels, captures and ways back, a run, and what it tells live."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from said_words import save, save_words
from sensing_board import Sensor, sensing_board

from bytefed.boards import replay
from bytefed.boards.loopback import LoopbackTransport
from bytefed.device.device import Device
from bytefed.device.watch import Way
from bytefed.errors import BytefedError
from bytefed.ui.bench import Bench
from bytefed.ui.estimates import estimate, settings_of
from bytefed.ui.seat import Seat

ALL: list[str] = []


class Heard:
    """Return the news that a bench has told."""

    def __init__(self) -> None:
        self.news: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, kind: str, **facts: Any) -> None:
        self.news.append((kind, facts))

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [facts for each, facts in self.news if each == kind]

    async def wait(self, kind: str, count: int = 1, what: str = "") -> None:
        async with asyncio.timeout(30):
            while len([facts for facts in self.of(kind) if not what or facts["what"] == what]) < count:
                await asyncio.sleep(0.01)


@asynccontextmanager
async def two_boards(tmp_path: Path) -> AsyncIterator[tuple[Bench, Heard]]:
    bench, heard = Bench(tmp_path / "runs"), Heard()
    bench.tell = heard
    await bench.connect(["loopback:2"], "motion")
    try:
        yield bench, heard
    finally:
        await bench.close()


async def capture(bench: Bench, label: str, *, test: bool = False) -> None:
    await bench.each(ALL, lambda seat: seat.capture(label, 10, test=test))


async def filled(bench: Bench) -> None:
    await bench.each(ALL, lambda seat: seat.set_labels(["walk", "run", "rest"]))
    for label in ("walk", "run", "rest"):
        for test in (False, True):
            await capture(bench, label, test=test)


def counts(bench: Bench) -> list[list[tuple[int, int]]]:
    return [[(each["train"], each["test"]) for each in board["labels"]] for board in bench.state()["boards"]]


@pytest.fixture(autouse=True)
def quick_sensors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(replay.SPEED, "5")


async def raised(work: Any) -> str:
    with pytest.raises(BytefedError) as error:
        await work
    assert error.value.remedy
    return error.value.code


def test_labels_captures_and_ways_back(tmp_path: Path):
    async def road() -> None:
        async with two_boards(tmp_path) as (bench, heard):
            await filled(bench)
            assert counts(bench) == [[(4, 4)] * 3] * 2
            assert heard.of("capture")[-1]["done"] == 4
            await bench.each(ALL, lambda seat: seat.undo())
            assert counts(bench) == [[(4, 4), (4, 4), (4, 3)]] * 2  # the last capture was for the test
            await bench.each(["1-0"], lambda seat: seat.delete("walk"))
            assert counts(bench) == [[(0, 0), (4, 4), (4, 3)], [(4, 4), (4, 4), (4, 3)]]
            await bench.each(
                ALL, lambda seat: seat.set_labels(["rest", "walk", "run"])
            )  # samples keep their labels
            assert bench.state()["boards"][0]["labels"][0]["name"] == "walk"
            assert await raised(capture(bench, "fly")) == "E_CONFIG_LABEL"
            assert (
                await raised(bench.each(ALL, lambda seat: seat.set_labels(["walk", "run"])))
                == "E_BOARD_BAD_LABEL"
            )
            await bench.each(ALL, lambda seat: seat.erase())
            assert counts(bench) == [[(0, 0)] * 3] * 2

    asyncio.run(road())


def test_boards_that_hear_tell_how_loud_it_is_and_that_they_wait(tmp_path: Path):
    save_words(tmp_path / "words", ["six", "seven"])
    save(tmp_path / "words" / "nine" / "1.wav", np.pad(np.full(16_000, 32767, np.int16), (0, 4800)))

    async def road() -> None:
        bench, heard = Bench(tmp_path / "runs", str(tmp_path / "words")), Heard()
        bench.tell = heard
        await bench.connect(["loopback:1"], "keywords")
        await bench.each(ALL, lambda seat: seat.capture("six", 20, test=False))
        told = heard.of("capture")
        assert [news["waits"] for news in told] == [True] * (len(told) - 1) + [False]
        assert all(-40 < news["loudness"]["decibels"] < 0 for news in told)
        assert told[-1]["loudness"]["clipped"] == 0
        await bench.each(ALL, lambda seat: seat.capture("nine", 1, test=False))
        assert heard.of("capture")[-1]["loudness"]["clipped"] > 0
        await bench.close()

    asyncio.run(road())


def test_words_are_captured_learnt_and_heard(tmp_path: Path):
    """The road of docs/words.md by the page, with virtual boards."""
    save_words(tmp_path / "words", ["six", "seven"])

    async def road() -> None:
        bench, heard = Bench(tmp_path / "runs", str(tmp_path / "words")), Heard()
        bench.tell = heard
        await bench.connect(["loopback:2"], "keywords")
        for label in ("six", "seven"):
            for test in (False, True):
                await capture(bench, label, test=test)
        await bench.train({"rounds": 3, "codec": "onebit"})
        await heard.wait("run", 1, "over")
        (ended,) = [news for news in heard.of("run") if news["what"] == "RunEnded"]
        assert ended["summary"]["accuracy_boards_final"] > 0.9
        await bench.live(ALL, "predictions", Way())
        await heard.wait("prediction", 4)
        assert {news["label"] for news in heard.of("prediction")} <= {"six", "seven"}
        await bench.close()

    asyncio.run(road())


def test_boards_without_a_microphone_tell_no_loudness(tmp_path: Path):
    async def road() -> None:
        async with two_boards(tmp_path) as (bench, heard):
            await capture(bench, "Walking")
            assert {(news["waits"], news["loudness"]) for news in heard.of("capture")} == {(False, None)}

    asyncio.run(road())


def test_a_run_takes_what_was_predicted_and_has_the_boards_to_itself(tmp_path: Path):
    async def road() -> None:
        async with two_boards(tmp_path) as (bench, heard):
            assert await raised(bench.train({"rounds": 0})) == "E_CONFIG_RANGE"
            await filled(bench)
            for runs in (1, 2):  # the second has heads to replace
                settings = settings_of({"clients": "2", "rounds": "3", "features": "32", "classes": "3"})
                predicted = estimate(settings, *bench.met())["rounds"]["total"]
                before = len(heard.of("run"))
                await bench.train({"rounds": 3, "statistics_rounds": 10})
                assert await raised(bench.train({})) == "E_BOARD_BUSY"
                assert await raised(bench.disconnect()) == "E_BOARD_BUSY"
                await heard.wait("run", 1, "RunStarted")
                assert await raised(capture(bench, "walk")) == "E_BOARD_BUSY"
                assert await raised(bench.live(ALL, "signal", Way())) == "E_BOARD_BUSY"
                await heard.wait("run", runs, "over")
                rounds = [news for news in heard.of("run")[before:] if news["what"] == "RoundClosed"]
                assert sum(news["wire_total"] for news in rounds) == predicted
                assert [board["doing"] for board in bench.state()["boards"]] == ["", ""]
            assert len(list((tmp_path / "runs").iterdir())) == 2
            await capture(bench, "walk")

    asyncio.run(road())


def test_a_run_on_a_data_set_takes_the_place_of_own_samples_only_if_they_may_go(tmp_path: Path):
    async def road() -> None:
        async with two_boards(tmp_path) as (bench, heard):
            await filled(bench)
            await bench.each(ALL, lambda seat: seat.set_labels(["walk", "run", "rest", "sit"]))
            await bench.train({"rounds": 2}, "motion")
            await heard.wait("run", 1, "over")
            (failed,) = [news for news in heard.of("run") if news["what"] == "failed"]
            assert failed["code"] == "E_BOARD_HAS_SAMPLES"
            assert counts(bench) == [[(4, 4), (4, 4), (4, 4), (0, 0)]] * 2
            await bench.train({"rounds": 2, "overwrite": True}, "motion")
            await heard.wait("run", 2, "over")
            (ended,) = [news for news in heard.of("run") if news["what"] == "RunEnded"]
            assert (
                ended["summary"]["accuracy_final"] > 0.5
            )  # on the data set's own test, which no board holds
            assert (
                sum(train + test for board in counts(bench) for train, test in board) == 192
            )  # all of motion

    asyncio.run(road())


def test_a_run_can_be_stopped_and_one_that_cannot_begin_says_why(tmp_path: Path):
    async def road() -> None:
        async with two_boards(tmp_path) as (bench, heard):
            await bench.train({})
            await heard.wait("run", 1, "over")
            (failed,) = [news for news in heard.of("run") if news["what"] == "failed"]
            assert (failed["code"], bool(failed["remedy"])) == ("E_BOARD_NO_SAMPLES", True)
            await filled(bench)
            await bench.train({"rounds": 60_000})
            await heard.wait("run", 2, "RoundClosed")
            assert bench.state()["running"]
            await bench.stop()
            await heard.wait("run", 2, "over")
            assert heard.of("run")[-2]["what"] == "stopped"
            assert not bench.state()["running"]
            assert {board["doing"] for board in bench.state()["boards"]} == {""}

    asyncio.run(road())


def test_signal_and_predictions_pause_for_a_capture_and_are_as_estimated(tmp_path: Path):
    async def road() -> None:
        async with two_boards(tmp_path) as (bench, heard):
            await bench.live(ALL, "predictions", Way())
            await heard.wait("trouble")
            assert heard.of("trouble")[0]["code"] == "E_BOARD_UNTRAINED"
            await filled(bench)
            await bench.train({"rounds": 2})
            await heard.wait("run", 1, "over")
            for doing, kind in (("signal", "signal"), ("predictions", "prediction")):
                await bench.live(ALL, doing, Way())
                await heard.wait(kind, 2)
                await capture(bench, "walk")
                await heard.wait(kind, len(heard.of(kind)) + 2)
                assert {board["doing"] for board in bench.state()["boards"]} == {doing}
                assert all(news["wire"] == news["estimate"] for news in heard.of(kind))
            assert {news["label"] for news in heard.of("prediction")} <= {"walk", "run", "rest"}
            await bench.live(ALL, "", Way())
            told = len(heard.of("prediction"))
            await asyncio.sleep(0.1)
            assert len(heard.of("prediction")) == told
            await bench.disconnect()
            assert bench.state()["boards"] == []
            assert await raised(bench.each(ALL, lambda seat: seat.undo())) == "E_CONFIG_BOARDS"

    asyncio.run(road())


class ThreeWindows(Sensor):
    """A sensor that has three windows for each capture, and then no more for a while."""

    def sense(self, label: int) -> bytes | None:
        if label < 0 or self.given == 3:
            return None
        self.given += 1
        return self.window(self.given).tobytes()


def test_a_capture_that_is_ended_keeps_what_the_board_has_taken():
    async def road() -> None:
        sensor, heard = ThreeWindows(), Heard()
        seat = Seat("one", Device(LoopbackTransport(sensing_board(sensor))), heard)
        await seat.look()
        for test in (False, True):
            sensor.given = 0
            before = len(heard.of("capture"))
            taking = asyncio.create_task(seat.capture("Standing", 20, test=test))
            async with asyncio.timeout(30):
                while all(news["done"] < 3 for news in heard.of("capture")[before:]):
                    await asyncio.sleep(0.01)
                await seat.end_capture()
                assert await taking == 3
        (standing, *_) = seat.document()["labels"]
        assert (standing["train"], standing["test"]) == (3, 3)
        sensor.given = 0
        assert await seat.capture("Standing", 5, test=False) == 2  # the next one goes on behind it
        assert seat.document()["labels"][0]["train"] == 5
        await seat.device.close()

    asyncio.run(road())


def test_a_capture_that_is_ended_before_it_begins_takes_nothing(tmp_path: Path):
    async def road() -> None:
        async with two_boards(tmp_path) as (bench, _heard):
            await bench.live(ALL, "signal", Way())
            taking = asyncio.create_task(capture(bench, "Standing"))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            await bench.each(ALL, lambda seat: seat.end_capture())
            await taking
            assert {board["doing"] for board in bench.state()["boards"]} == {"signal"}

    asyncio.run(road())


def test_leaving_ends_a_capture_that_takes_long():
    async def road() -> None:
        sensor = Sensor()  # it never has a window
        seat = Seat("one", Device(LoopbackTransport(sensing_board(sensor))), Heard())
        await seat.look()
        assert seat.document()["error"] is None
        taking = asyncio.create_task(seat.capture("Standing", 30, test=False))
        while seat.document()["doing"] != "capture":
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        async with asyncio.timeout(10):
            await seat.leave()
            await taking
        sensor.captures = True
        await seat.capture("Standing", 5, test=False)
        assert seat.document()["labels"][0]["train"] == 2
        await seat.device.close()

    asyncio.run(road())


def test_a_board_that_is_not_there_says_so_in_its_place(tmp_path: Path):
    async def road() -> None:
        bench = Bench(tmp_path / "runs")
        await bench.connect([f"serial:{tmp_path / 'nothing'}"], "motion")
        (board,) = bench.state()["boards"]
        assert board["error"]["code"] == "E_PORT_NOT_FOUND"
        assert board["facts"] == {}
        assert bench.met() == (None, [])
        await bench.close()

    asyncio.run(road())
