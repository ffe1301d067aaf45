"""Watching what boards classify, over each kind of link: every window, every byte, and what may come between."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest
from sensing_board import HOP, LENGTH, MOTION, Sensor, a_head, probabilities, sensing_board

from bytefed.boards.loopback import LoopbackTransport
from bytefed.boards.open import VirtualOptions, open_devices
from bytefed.boards.replay import SPEED, Recording, Replay
from bytefed.boards.virtual import BoardKind, board_uid
from bytefed.device.device import Device
from bytefed.device.plan import Samples, TrainingPlan
from bytefed.device.watch import Majority, Prediction, Watch, Way, stop
from bytefed.errors import BytefedError
from bytefed.extractor.extractor import Extractor
from bytefed.protocol.message import Capture, Captured, Kind
from bytefed.transport.faults import Faults, with_faults

PLAN = TrainingPlan("float32", "float32", epochs=1, batch=8, rate=0.05, seed=1)
SHORT = 20  # units of 10 ms


async def give_head(device: Device) -> np.ndarray:
    head = a_head()
    await device.train(device.plan_round(1, head, PLAN, train=False))
    device.take_bytes()
    return head


async def take(watch: Watch, count: int) -> list[Prediction]:
    return [await anext(watch) for _ in range(count)]


def agree(predictions: list[Prediction], chances: np.ndarray) -> None:
    assert len(set(chances.argmax(1).tolist())) > 1  # else the test would not tell much
    assert [each.likeliest for each in predictions] == chances.argmax(1).tolist()
    assert np.abs([each.confidence for each in predictions] - chances.max(1)).max() < 2 / 255


@pytest.mark.parametrize("scheme", ["loopback", "virtual", "virtual-ble"])
def test_each_window_is_told_once_and_every_byte_was_predicted(
    scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SPEED, "40")
    random = np.random.default_rng(5)
    places, noise = random.integers(-100, 100, (8, 1, 1, 6)), random.integers(-20, 20, (8, LENGTH, 1, 6))
    windows = (places + noise).astype(np.int8)
    np.savez(tmp_path / "r.npz", X=windows, y=(np.arange(8) % MOTION.C).astype(np.uint8))
    kind = BoardKind(MOTION.D, MOTION.C, "motion", 40, replay=str(tmp_path / "r.npz"))

    async def action() -> None:
        async with open_devices([f"{scheme}:1"], VirtualOptions(kind)) as (device,):
            await device.connect(1)
            head = await give_head(device)
            watch = Watch(device)
            said = await take(watch, 5)
            await watch.stop()
            used = device.take_bytes()
            used.check()
            assert used == watch.estimate()
            assert [each.window for each in said] == [1, 2, 3, 4, 5]
            now = iter(range(100))
            recording = Recording.load(kind.replay or "", Extractor.load("motion"), MOTION.C)
            replay = Replay(recording, board_uid(0, 0), period=1.0, clock=lambda: next(now))
            given = [found for _ in range(6) if (found := replay.sense(-1))]
            agree(said, probabilities(head, np.frombuffer(b"".join(given), np.int8).reshape(-1, LENGTH, 6)))

    asyncio.run(action())


def on_sensor(
    work: Callable[[Device, Sensor], Awaitable[None]], *, window_time: int = SHORT, faults: str = ""
) -> None:
    """Do something with a board that has a head, and whose sensor the test holds."""

    async def attempt() -> None:
        sensor = Sensor()
        link = LoopbackTransport(sensing_board(sensor, window_time=window_time))
        device = Device(with_faults(link, Faults.parse(faults)) if faults else link)
        await device.connect(1)
        await give_head(device)
        async with asyncio.timeout(30):
            await work(device, sensor)
        await device.close()

    asyncio.run(attempt())


def test_a_window_that_takes_its_time_is_asked_for_once() -> None:
    async def work(device: Device, sensor: Sensor) -> None:
        device.session.link.timers._floor = 0.25
        device.session.link.timers.expect(saving=False)
        for _ in range(3):  # answers that are quick: the time-out is short then
            await device.refresh()
        device.take_bytes()
        watch = Watch(device)
        first = asyncio.create_task(take(watch, 1))
        await asyncio.sleep(1.0)  # four time-outs
        sensor.released = 1
        assert [each.window for each in await first] == [1]
        used = device.take_bytes()
        assert used.retransmission == used.junk == 0
        assert used == watch.estimate()

    on_sensor(work, window_time=100)


def test_a_watch_that_is_given_up_leaves_no_byte_without_a_cause() -> None:
    async def work(device: Device, sensor: Sensor) -> None:
        sensor.released = 1
        watch = Watch(device)
        await take(watch, 1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await anext(watch)
        await watch.stop()
        sensor.released = 2
        await asyncio.sleep(0.05)
        assert sensor.given == 1  # stopped: the board takes no further window
        used = device.take_bytes()
        assert (watch.asked, watch.heard) == (2, 1)
        assert used == watch.estimate()

    on_sensor(work)


def test_a_window_that_comes_when_nobody_waits_any_more_is_nobody_s() -> None:
    """Between the end of a watch and its stop: the estimate is without it, and its bytes have their cause."""

    async def work(device: Device, sensor: Sensor) -> None:
        watch = Watch(device)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await anext(watch)
        sensor.released = 1
        while not sensor.given:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        await watch.stop()
        used, expected = device.take_bytes(), watch.estimate()
        assert (watch.asked, watch.heard) == (1, 0)
        assert used.wire_total - expected.wire_total == used.junk == 12
        assert used.retransmission == 0

    on_sensor(work)


def test_a_board_that_captures_is_waited_for() -> None:
    async def work(device: Device, sensor: Sensor) -> None:
        _, body = await device.ask(Kind.CAPTURE, Capture(0, 1, 0, 0).pack(), Kind.CAPTURED)
        assert Captured.unpack(body) == Captured(1, 0)
        sensor.released = 1
        device.take_bytes()
        watch = Watch(device)
        waits = asyncio.create_task(take(watch, 1))
        await asyncio.sleep(0.2)
        assert not waits.done()
        sensor.captures = True
        assert [each.window for each in await waits] == [1]
        used, expected = device.take_bytes(), watch.estimate()
        assert used.retransmission == used.wire_total - expected.wire_total > 0

    on_sensor(work)


def test_a_link_that_is_lost_is_opened_again() -> None:
    async def work(device: Device, sensor: Sensor) -> None:
        watch, windows = Watch(device), []
        for number in range(1, 13):
            sensor.released = number
            windows.append((await anext(watch)).window)
        assert windows == list(range(1, 13)) and device.connections == 2
        used, expected = device.take_bytes(), watch.estimate()
        used.check()
        assert used.wire_total - used.retransmission - used.junk == expected.wire_total

    on_sensor(work, faults="cut_at=850")


def test_an_untrained_board_says_what_to_do() -> None:
    async def action() -> None:
        device = Device(LoopbackTransport(sensing_board(Sensor())))
        await device.connect(1)
        for way, words in ((Way(), "has no head"), (Way(personal=True), "has no personal head")):
            with pytest.raises(BytefedError, match="E_BOARD_UNTRAINED") as caught:
                await anext(Watch(device, way))
            assert words in caught.value.message and "bytefed run" in caught.value.remedy
        await device.close()

    asyncio.run(action())


def test_a_personal_head_classifies_where_it_is_asked_for() -> None:
    """Each of the two heads, by turns, on the same connection."""

    async def work(device: Device, sensor: Sensor) -> None:
        x = np.stack([sensor.window(number) for number in range(1, 13)])
        await device.provision(
            Samples("inputs", x.reshape(12, -1), (np.arange(12) % 4).astype(np.uint8), x[:1].reshape(1, 300),
                    np.zeros(1, np.uint8), 1.0, 0)
        )  # fmt: skip
        plan = TrainingPlan("float32", "float32", epochs=20, batch=4, rate=0.2, seed=1, personal=True)
        reply = await device.train(device.plan_round(2, a_head(), plan))
        assert reply.personal is not None and reply.delta is not None
        heads = {False: a_head(), True: a_head() + reply.delta}
        for number in range(1, 9):
            personal = number % 2 == 0
            waits = asyncio.create_task(take(Watch(device, Way(personal=personal)), 1))
            await asyncio.sleep(0.05)
            sensor.released = number
            said = await waits
            chances = probabilities(heads[personal], x[number - 1 : number])
            assert said[0].likeliest == chances.argmax() and abs(said[0].confidence - chances.max()) < 2 / 255

    on_sensor(work)


def test_unknown_windows_are_none_of_the_labels() -> None:
    """At most so many per cent of the board's own samples lie below the threshold."""

    async def work(device: Device, sensor: Sensor) -> None:
        sensor.captures = True
        x = np.stack([sensor.window(number) for number in range(1, 11)])
        samples = Samples(
            "inputs", x.reshape(10, -1), np.zeros(10, np.uint8), x[:0].reshape(0, 300), np.zeros(0, np.uint8), 1.0, 0
        )  # fmt: skip
        await device.provision(samples)
        watch, said = Watch(device, Way(unknown=30)), []
        for number in range(1, 11):
            sensor.released = number
            said += await take(watch, 1)
        threshold = said[0].threshold
        assert 0 < threshold < 1
        below = [each for each in said if each.confidence < threshold]
        assert 0 < len(below) <= 3
        assert all((each.label is None) == (each in below) for each in said)

    on_sensor(work)


def test_a_board_goes_on_alone_until_it_is_stopped() -> None:
    async def work(device: Device, sensor: Sensor) -> None:
        sensor.released = 1
        await take(Watch(device, Way(alone=True)), 1)
        sensor.released = 3
        await asyncio.sleep(0.1)
        assert sensor.given == 3
        await stop(device)
        sensor.released = 4
        await asyncio.sleep(0.1)
        assert sensor.given == 3

    on_sensor(work)


def test_the_majority_of_the_last_windows() -> None:
    majority = Majority(3)
    assert [majority.add(label) for label in (1, 2, 1, 2, 2, None, None, 0)] == [1, 2, 1, 2, 2, 2, None, None]


def test_each_window_begins_in_the_middle_of_the_one_before() -> None:
    """And what recorded windows repeat of each other is there once."""
    signal = np.random.default_rng(1).integers(-128, 128, (200, 1, 6)).astype(np.int8)
    windows = np.stack([signal[start : start + LENGTH] for start in range(0, 151, 10)])
    now = iter(range(1000))
    replay = Replay(Recording(windows, None), 0, period=1.0, clock=lambda: next(now))
    said = [replay.sense(-1) for _ in range(9)]
    assert said[0] is None  # not complete yet
    given = [np.frombuffer(each, np.int8).reshape(LENGTH, 1, 6) for each in said[1:] if each]
    assert len(given) == 8
    for number, window in enumerate(given):
        places = np.arange(number * HOP, number * HOP + LENGTH) % len(signal)
        assert np.array_equal(window, signal[places])


def test_a_replay_keeps_its_time() -> None:
    times = iter([0.0, 2.4, 2.5, 2.6, 5.1, 40.0, 42.5])
    recording = Recording(np.zeros((2, LENGTH, 1, 6), np.int8), np.array([0, 1], np.uint8))
    replay = Replay(recording, 0, period=2.5, clock=lambda: next(times))
    assert [replay.sense(-1) is not None for _ in range(7)] == [False, False, True, False, True, False, True]
