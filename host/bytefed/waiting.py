"""Waits for work from plain functions, wherever they are called: in a script, or where an event loop runs already."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from types import FrameType
from typing import Any, TypeVar

_T = TypeVar("_T")


def in_a_loop() -> bool:
    """Return whether this thread's event loop is running, as that of a notebook is."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def finish(work: Coroutine[Any, Any, _T]) -> _T:
    """Run work to its end; in a thread of its own if this thread's event loop is running already."""
    if not in_a_loop():
        return asyncio.run(work)
    started: Future[Callable[[], object]] = Future()

    async def cancellable() -> _T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        started.set_result(lambda: loop.call_soon_threadsafe(task.cancel) if task else None)
        return await work

    try:
        return in_a_thread(lambda: asyncio.run(cancellable()), lambda: started.result()())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def in_a_thread(work: Callable[[], _T], stop: Callable[[], object]) -> _T:
    """Run work in another thread and wait for it; Ctrl-C calls `stop`."""
    with ThreadPoolExecutor(1, thread_name_prefix="bytefed") as pool:
        done = pool.submit(copy_context().run, work)
        with interrupts(stop):
            return done.result()


def stopping_signals() -> list[int]:
    """Return the signals that ask a program which serves others to stop: Ctrl-C, a polite kill, the terminal's end."""
    found = [signal.SIGINT, signal.SIGTERM]
    ends = getattr(signal, "SIGHUP", None)  # Windows has none
    if ends is not None and signal.getsignal(ends) != signal.SIG_IGN:  # as `nohup` has it
        found.append(ends)
    return [*found]


@contextmanager
def interrupts(
    stop: Callable[[], object],
    again: Callable[[], object] | None = None,
    numbers: Sequence[int] = (signal.SIGINT,),
) -> Iterator[None]:
    """While this holds, the first Ctrl-C calls `stop` and each later one `again`, within the signal handler.

    Signals reach only the main thread: in another one this does nothing.

    Args:
        stop: Called at the first signal.
        again: Called at each later one; None for `stop`.
        numbers: The signals, in place of that of Ctrl-C.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    actions = iter((stop,))

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        next(actions, again or stop)()

    before = {number: signal.signal(number, on_signal) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
