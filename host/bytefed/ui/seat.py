"""One board at the page: its state, captures, and the one thing that it tells live, its signal or its predictions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

import numpy as np

from bytefed.boards.describe import describe
from bytefed.clock import now
from bytefed.codec.downlink import head_crc
from bytefed.device.device import Device
from bytefed.device.labels import (
    BoardLabels,
    discard_all,
    discard_label,
    discard_last,
    in_own_order,
    read_labels,
    set_labels,
)
from bytefed.device.naming import label_number, shown_names
from bytefed.device.visit import about, capture, hears
from bytefed.device.watch import Way
from bytefed.errors import BoardError, BytefedError
from bytefed.head import parameters
from bytefed.protocol.message import Levelled
from bytefed.ui.answers import told
from bytefed.ui.telling import Tell, loudness_told, tell_predictions, tell_signal

_LIVELY = ("signal", "predictions")


class Seat:
    """A board at the page. It does one thing at a time: what it tells live pauses while it is asked something else.

    Args:
        key: The name by which the page knows it.
        device: The board.
        tell: Tells open pages what happens.

    Attributes:
        doing: The work that goes on: "signal", "predictions", "capture", "training"; "" for none.
    """

    def __init__(self, key: str, device: Device, tell: Tell) -> None:
        self.key, self.device, self.doing = key, device, ""
        self._tell_pages = tell
        self._facts: dict[str, str] = {}
        self._labels: BoardLabels | None = None
        self._names: tuple[str, ...] = ()
        self._round_trip: float | None = None
        self._error: BytefedError | None = None
        self._last_was_test = False
        self._ends = False
        self._capture: asyncio.Task[tuple[int, int]] | None = None
        self._live: asyncio.Task[None] | None = None
        self._live_work: Callable[[], Coroutine[Any, Any, None]] | None = None
        self._asked = asyncio.Lock()

    @property
    def is_known(self) -> bool:
        """Whether the board has said what it is."""
        return bool(self._facts)

    @property
    def has_learnt(self) -> bool:
        """Whether a board that is known holds another head than zeros."""
        return self.device.stored.head != head_crc(np.zeros(parameters(*self.device.shape), np.float32))

    def document(self) -> dict[str, Any]:
        """Return the state of the board, as JSON has it."""
        labels = self._labels
        return {
            "key": self.key,
            "uri": self.device.uri,
            "doing": self.doing,
            "facts": self._facts,
            "most": labels.most if labels else 0,
            "labels": [
                {"name": name, "train": train, "test": test}
                for name, train, test in zip(self._names, labels.train, labels.test, strict=True)
            ]
            if labels
            else [],
            "milliseconds": None if self._round_trip is None else round(1000 * self._round_trip),
            "error": told(self._error) if self._error else None,
        }

    def say(self) -> None:
        """Tell open pages the state of the board."""
        self._tell_pages("board", **self.document())

    def _tell_own(self, kind: str, **facts: Any) -> None:
        self._tell_pages(kind, key=self.key, **facts)

    # ---- Asking

    async def look(self) -> None:
        """Connect, and ask the board what it is and holds; what keeps it from answering is part of its state."""
        try:
            async with self._alone():
                self._facts = await describe(self.device)
                profile = self.device.profile
                self._facts["link"] += f", {profile.framing}, frames of {profile.frame_limit} B"
                asked = now()
                await about(self.device)
                self._round_trip = now() - asked
                await self._count()
                self._error = None
        except BytefedError as error:
            self._error = error
            self.say()

    async def set_labels(self, names: list[str]) -> None:
        """Give the board these labels; raises as ``labels.set_labels``."""
        async with self._alone():
            labels = await read_labels(self.device)
            await set_labels(self.device, in_own_order(labels, names), known=labels)
            await self._count()

    async def capture(self, label: str, seconds: float, *, test: bool) -> int:
        """Take samples of a label, or until ``end_capture``.

        Returns:
            The samples that the board has more of.

        Raises:
            As ``naming.label_number`` and ``visit.capture``.
        """
        self._ends = False
        async with self._alone("capture"):
            number = label_number(label, self._names)
            before = self._held()

            def seen(done: int, total: int, level: Levelled | None) -> None:
                waits = hears(self.device) and done < total
                loudness = None if level is None else loudness_told(level)
                self._tell_own("capture", label=label, done=done, total=total, waits=waits, loudness=loudness)

            self._last_was_test = test
            try:
                work = capture(
                    self.device, number, seconds, test=test, on_sound=hears(self.device), seen=seen
                )
                self._capture = asyncio.create_task(work)
                if self._ends:
                    self._capture.cancel()
                await asyncio.wait([self._capture])
                if not self._capture.cancelled():
                    self._capture.result()
            finally:
                self._capture = None
                with suppress(BytefedError):
                    await self._count()
            return self._held() - before

    async def end_capture(self) -> None:
        """End a capture, if one goes on: what the board has taken, it keeps."""
        self._ends = True  # where it has not begun, too: what the board told live is stopped first
        if self._capture is not None:
            self._capture.cancel()

    def _held(self) -> int:
        return sum((*self._labels.train, *self._labels.test)) if self._labels else 0

    async def undo(self) -> None:
        """Forget the last window of the split that was captured for last."""
        await self._forget(lambda: discard_last(self.device, 1, test=self._last_was_test))

    async def delete(self, label: str) -> None:
        """Forget all samples of a label; raises ConfigError E_CONFIG_LABEL for one that the board does not have."""
        number = label_number(label, self._names)
        await self._forget(lambda: discard_label(self.device, number))

    async def erase(self) -> None:
        """Forget all samples."""
        await self._forget(lambda: discard_all(self.device))

    async def _forget(self, forget: Callable[[], Awaitable[object]]) -> None:
        async with self._alone():
            await forget()
            await self._count()

    async def _count(self) -> None:
        await self.device.refresh()
        self._labels = await read_labels(self.device)
        self._names = shown_names(self.device, self._labels)
        stored = self.device.stored
        self._facts["samples"] = f"{stored.train} + {stored.test} of {stored.capacity}"
        self._facts["head"] = f"{self.device.board.features}x{self.device.board.classes}"

    @asynccontextmanager
    async def _alone(self, doing: str = "") -> AsyncIterator[None]:
        """Have the board for oneself: what it tells live pauses."""
        async with self._asked:
            self._refuse_in_training()
            await self._pause()
            before, self.doing = self.doing, doing or self.doing
            self.say()
            try:
                yield
            finally:
                self.doing = before
                self._resume()
                self.say()

    def _refuse_in_training(self) -> None:
        if self.doing == "training":
            raise in_training()

    # ---- Telling live

    async def live(self, doing: str, way: Way) -> None:
        """Let the board tell its "signal" or its "predictions" from now on; "" for neither."""
        works: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
            "signal": lambda: tell_signal(self.device, self._tell_own),
            "predictions": lambda: tell_predictions(self.device, way, self._names, self._tell_own),
        }
        async with self._asked:
            self._refuse_in_training()
            await self._pause()
            self.doing, self._live_work = doing, works.get(doing)
            self._resume()
            self.say()

    async def lend(self) -> None:
        """Stop all that goes on, so that a run can have the board; ``look`` takes it back."""
        async with self._asked:
            await self._pause()
            self.doing, self._live_work = "training", None
            self.say()

    async def take_back(self) -> None:
        """Have the board again after a run."""
        self.doing = ""
        await self.look()

    async def leave(self) -> None:
        """Stop all that goes on, a capture too: what the board has taken, it keeps."""
        await self.end_capture()
        async with self._asked:
            await self._pause()

    async def _pause(self) -> None:
        task, self._live = self._live, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _resume(self) -> None:
        if self._live_work is not None and self.doing in _LIVELY:
            self._live = asyncio.create_task(self._told_live(self._live_work))

    async def _told_live(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Tell live until this is cancelled; an error ends it, and is shown."""
        try:
            await work()
        except BytefedError as error:
            self.doing, self._live_work = "", None
            self._tell_pages("trouble", **told(error))
            self.say()


def in_training() -> BoardError:
    """Return the error for what has to wait until a run is over."""
    return BoardError("E_BOARD_BUSY", "A run goes on with the boards.", "Wait for its end, or stop it.")
