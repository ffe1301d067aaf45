"""A board at use: it classifies the windows of its sensor, and its host hears of each (SPEC.md section 3: CLASSIFY)."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from contextlib import suppress
from dataclasses import dataclass

from bytefed.device.device import Device
from bytefed.device.visit import sensor_of
from bytefed.errors import BoardError, LinkError
from bytefed.ledger.account import Said
from bytefed.ledger.count import ByteCount
from bytefed.ledger.wire_size import about_bytes, watch_bytes
from bytefed.protocol.message import NO_LABEL, Classified, Classify, ClassifyFlag, Kind

LATE = 2.5
"""Seconds beyond what the link takes until a board is asked again: one that hears nothing for 5 s stops (SPEC 3)."""
_PAUSE = 0.5  # seconds until a board that was busy is asked again
_STOPS = 2  # tries to stop a board: it stops by itself, too


@dataclass(frozen=True)
class Way:
    """The way in which a board is to classify.

    Attributes:
        personal: Whether by its personal head, not by the global one.
        unknown: Per cent of its own samples that may be taken for none of its labels, 0 to 50.
        alone: Whether it goes on when nobody asks any more.
        phones: Whether everybody near may read each label and its confidence, without a key.
    """

    personal: bool = False
    unknown: int = 0
    alone: bool = False
    phones: bool = False

    @property
    def mode(self) -> int:
        """The `mode` of CLASSIFY."""
        flags = (
            (self.personal, ClassifyFlag.PERSONAL),
            (self.alone, ClassifyFlag.ALONE),
            (self.phones, ClassifyFlag.SHOW),
        )
        return sum(int(flag) for wanted, flag in flags if wanted)


@dataclass(frozen=True)
class Prediction:
    """A window of a board's sensor, classified.

    Attributes:
        window: Number of the window, 1 to 65535; after the last comes 1.
        label: Number of the label; None for none of those that the board knows.
        likeliest: Number of the label that comes nearest.
        confidence: The probability of that label by the head, 0 to 1.
        threshold: The confidence below which a window is none of the labels, 0 to 1.
    """

    window: int
    label: int | None
    likeliest: int
    confidence: float
    threshold: float

    @classmethod
    def of(cls, said: Classified) -> Prediction:
        """Return the prediction that a board said."""
        label = None if said.label == NO_LABEL else said.label
        return cls(said.window, label, said.likeliest, said.confidence / 255, said.threshold / 255)


class Watch:
    """Hears of each window of a connected board: ``async for prediction in Watch(device, way)``.

    A link that was lost is opened again, and a board that takes samples is waited for. After ``stop`` the board
    classifies no more.

    Args:
        device: Connected.
        way: The way in which the board is to classify.

    Attributes:
        asked, heard: Windows that were asked for, and that the board told of.
        stopped: Whether the board was stopped, and said so.
    """

    def __init__(self, device: Device, way: Way = Way()) -> None:
        self._device = device
        self._way = way
        self._after = 0
        self._late: float | None = None
        self.asked = self.heard = 0
        self.stopped = False

    def __aiter__(self) -> Watch:
        return self

    async def __anext__(self) -> Prediction:
        """Wait for the next window.

        Raises:
            BoardError: E_BOARD_NO_SENSOR, E_BOARD_UNTRAINED; E_BOARD_NO_RADIO if phones are to read.
            LinkError: The board was lost for good.
        """
        if self._late is None:
            self._late = min((await sensor_of(self._device)).window / 100, LATE)
        session = self._device.session
        session.account.said = Said()
        said: list[Classified] = []

        async def attempt() -> None:
            said.append(await self._ask())

        self.asked += 1
        await session.with_recovery(attempt)
        self.heard += 1
        self._after = said[-1].window
        return Prediction.of(said[-1])

    async def _ask(self) -> Classified:
        """Ask for the window behind the last one, again while the board takes samples."""
        message = Classify(self._after, self._way.mode, self._way.unknown)
        while True:
            try:
                _, body = await self._device.session.link.request(
                    Kind.CLASSIFY, message.pack(), Kind.CLASSIFIED, name="watch", late=self._late or 0.0
                )
                return Classified.unpack(body)
            except BoardError as error:
                if error.code == "E_BOARD_UNTRAINED":
                    raise self._untrained() from error
                if error.code != "E_BOARD_BUSY":
                    raise
            await asyncio.sleep(_PAUSE)

    def _untrained(self) -> BoardError:
        device, personal = self._device, self._way.personal
        remedy = (
            "Train it with --personal: `bytefed run --help`. Or watch its global head, without --personal."
            if personal
            else "Train it first: `bytefed run --help`."
        )
        which = "personal head" if personal else "head"
        return BoardError(
            "E_BOARD_UNTRAINED",
            f"{device.uri}: board {device.name} has no {which} that has learnt anything.",
            remedy,
        )

    async def stop(self) -> None:
        """Let the board classify no more; one that can't be reached stops by itself, unless it was to go on alone."""
        with suppress(LinkError):
            await stop(self._device)
            self.stopped = True

    def estimate(self) -> ByteCount:
        """Return the bytes that the watch takes on a link that loses nothing."""
        profile = self._device.profile
        asked = watch_bytes(profile, self.heard, unanswered=self.asked - self.heard, stops=int(self.stopped))
        return asked + about_bytes(profile) * (self._late is not None)


async def stop(device: Device) -> None:
    """Let a connected board classify no more.

    Raises:
        LinkError: It does not answer.
    """
    body = Classify(0, int(ClassifyFlag.STOP), 0).pack()
    await device.session.link.request(Kind.CLASSIFY, body, Kind.CLASSIFIED, tries=_STOPS)


class Majority:
    """Smooths predictions: the label that most of the last ones have; of two that are as frequent, the later one.

    Args:
        count: Number of windows that decide, at least 1.
    """

    def __init__(self, count: int) -> None:
        self._last: deque[int | None] = deque(maxlen=count)

    def add(self, label: int | None) -> int | None:
        """Take the label of another window, and return the label of most."""
        self._last.append(label)
        counts = Counter(self._last)
        most = max(counts.values())
        return next(each for each in reversed(self._last) if counts[each] == most)
