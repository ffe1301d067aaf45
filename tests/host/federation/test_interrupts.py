"""Ctrl-C: once to end in order, twice to end at once, for work in an event loop and for work without one."""

import asyncio
import signal
import threading

import pytest

from bytefed.federation.interrupts import interruptible
from bytefed.waiting import interrupts


def press():
    signal.raise_signal(signal.SIGINT)


def test_the_first_press_stops_and_each_later_one_aborts():
    said = []
    before = signal.getsignal(signal.SIGINT)
    with interrupts(lambda: said.append("stop"), lambda: said.append("abort")):
        for _ in range(3):
            press()
    assert said == ["stop", "abort", "abort"]
    assert signal.getsignal(signal.SIGINT) is before


def test_other_signals_than_that_of_ctrl_c_and_one_action_for_all():
    said = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    with interrupts(lambda: said.append("stop"), numbers=numbers):
        signal.raise_signal(signal.SIGTERM)
        press()
    assert said == ["stop", "stop"]
    assert [signal.getsignal(number) for number in numbers] == before


def test_work_that_stops_in_order_says_what_it_says():
    async def run():
        stopped = asyncio.Event()

        async def work():
            press()
            await stopped.wait()
            return True

        return await interruptible(work(), stopped.set)

    assert asyncio.run(run())


def test_a_second_press_cancels_the_work():
    async def run():
        async def work():
            press()
            press()
            await asyncio.sleep(60)
            return True

        return await interruptible(work(), lambda: None)

    assert asyncio.run(run()) is False


def test_who_is_cancelled_by_others_stays_cancelled():
    async def run():
        work = asyncio.create_task(interruptible(asyncio.sleep(60, True), lambda: None))
        await asyncio.sleep(0)
        work.cancel()
        await work

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(run())


def test_in_another_thread_signals_stay_as_they_are():
    before, within = signal.getsignal(signal.SIGINT), []

    def work():
        with interrupts(lambda: None, lambda: None):
            within.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert within == [before]
