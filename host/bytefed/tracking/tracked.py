"""A listener that trackers follow: on a thread of their own, and left out once they fail."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from textwrap import shorten
from threading import Thread

from bytefed.events import Event, Listener, RoundClosed, RunEnded, RunStarted, TrackerLost
from bytefed.runs.directory import RESOLVED
from bytefed.toml_file import read_toml
from bytefed.tracking.kinds import make
from bytefed.tracking.scalars import RunScalars, Scalars
from bytefed.tracking.tracker import Key, Subject, Tracker

PATIENCE = 60.0
"""Seconds that trackers have to write what is not written yet, once the run is over."""
_MOST_SAID = 300  # characters of an error


@contextmanager
def tracked(names: Sequence[str], listener: Listener) -> Iterator[Listener]:
    """A listener that passes all events on, and lets trackers follow the run.

    Args:
        names: Trackers as `--track` takes them: "tensorboard", "mlflow:sqlite:///mlflow.db", "wandb:PROJECT", ...
        listener: Is told all events, and a ``TrackerLost`` of each tracker that fails; the run goes on then.

    Raises:
        ConfigError: E_CONFIG_CHOICE for an unknown tracker, E_EXTRA_MISSING if its package is missing.
    """
    if not names:
        yield listener
        return
    follower = _Follower(dict(make(name) for name in names))
    follower.start()

    def tell(event: Event) -> None:
        listener(event)
        follower.orders.put((time.time(), event))
        for lost in follower.news():
            listener(lost)

    try:
        yield tell
    finally:
        for lost in follower.finish():
            listener(lost)


class _Follower(Thread):
    """Takes events from the run, and hands trackers their figures.

    Args:
        trackers: Tracker by name.
    """

    def __init__(self, trackers: Mapping[str, Tracker]) -> None:
        super().__init__(name="trackers", daemon=True)
        self.orders: SimpleQueue[tuple[float, Event] | None] = SimpleQueue()
        self._trackers = dict(trackers)
        self._lost: SimpleQueue[TrackerLost] = SimpleQueue()
        self._scalars: RunScalars | None = None

    def run(self) -> None:
        """Follow until the run is over, however it ends."""
        while order := self.orders.get():
            self._follow(*order)
        self._end(complete=False)

    def news(self) -> Iterator[TrackerLost]:
        """Yield the trackers that were lost since the last time."""
        while True:
            try:
                yield self._lost.get_nowait()
            except Empty:
                return

    def finish(self) -> Iterator[TrackerLost]:
        """Wait until all is written, and yield the trackers that were lost meanwhile."""
        self.orders.put(None)
        self.join(PATIENCE)
        yield from self.news()
        if self.is_alive():
            for name in [*self._trackers]:
                yield TrackerLost(name, f"it was not done {PATIENCE:.0f} s after the run")

    def _follow(self, at: float, event: Event) -> None:
        if isinstance(event, RunStarted):
            self._scalars = RunScalars(event)
            self._each(lambda tracker: tracker.begin(_subject(event)))
        elif self._scalars is None:
            return  # before a run; or after one that was complete already
        elif isinstance(event, RoundClosed):
            self._write(self._scalars.of_round(event), at)
        elif isinstance(event, RunEnded):
            self._write(self._scalars.of_end(event), at)
            self._end(complete=event.complete)

    def _write(self, scalars: Iterator[Scalars], at: float) -> None:
        for step, values in scalars:
            self._each(lambda tracker, step=step, values=values: tracker.scalars(step, values, at))  # type: ignore[misc]

    def _end(self, *, complete: bool) -> None:
        if self._scalars is not None:
            self._scalars = None
            self._each(lambda tracker: tracker.end(complete=complete))

    def _each(self, act: Callable[[Tracker], None]) -> None:
        """Do something with each tracker, and leave those out that can't."""
        for name, tracker in [*self._trackers.items()]:
            try:
                act(tracker)
            except (Exception, SystemExit) as error:
                del self._trackers[name]
                self._lost.put(TrackerLost(name, _said(error)))


def _subject(event: RunStarted) -> Subject:
    keys = read_toml(Path(event.directory) / RESOLVED)
    return Subject(event.run, Path(event.directory), {name: _plain(value) for name, value in keys.items()})


def _plain(value: object) -> Key:
    if isinstance(value, list):
        return " ".join(map(str, value))
    return value if isinstance(value, bool | int | float) else str(value)


def _said(error: BaseException) -> str:
    """Return the first line of what an error says, cut off if it is long, without the full stop."""
    first = shorten((str(error).strip().splitlines() or [""])[0], _MOST_SAID, placeholder=" [...]")
    return f"{type(error).__name__}: {first}".rstrip(": .")
