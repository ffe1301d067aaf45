"""The signal of a board's sensor itself, fetched window by window because its user asked for it (SPEC 3: RECORD)."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bytefed.device.device import Device
from bytefed.device.naming import model_of
from bytefed.device.visit import sensor_of
from bytefed.device.watch import LATE
from bytefed.errors import BoardError, LinkError, ModelError
from bytefed.extractor.manifest import Manifest
from bytefed.ledger.account import Said
from bytefed.ledger.count import ByteCount
from bytefed.ledger.wire_size import about_bytes, recorded_bytes
from bytefed.protocol.message import Kind, Record, Recorded

_MOST_LOST = 10  # windows one behind the other: then the link is too slow for all of them
_PAUSE = 0.5  # seconds until a board that was busy is asked again
_LAST = 65_535  # number of a window, after which comes 1


@dataclass(frozen=True, eq=False)
class Piece:
    """Readings that a sensor told one behind the other.

    Attributes:
        window: Number of the window that they end.
        readings: float32 [n, axes], in the units that the extractor was trained on.
        joins: Whether they follow the piece before without a gap.
    """

    window: int
    readings: NDArray[np.float32]
    joins: bool


class Signal:
    """The signal of a connected board's sensor: ``async for piece in Signal(device)``.

    Of windows that follow each other only the new half is fetched. A link that was lost is opened again.

    Args:
        device: Connected, over a cable or sealed.

    Attributes:
        device: The board.
        model: Name and manifest of the board's extractor.
        lost: Windows that the board had replaced by later ones before they were here.
        wholes, halves: Windows that were fetched whole, and those of which the second half was enough.

    Raises:
        ModelError: E_MODEL_MISSING if this host does not know the board's extractor, and so no units.
    """

    def __init__(self, device: Device) -> None:
        self.device = device
        known = model_of(device)
        if known is None:
            raise ModelError(
                "E_MODEL_MISSING",
                f"{device.uri}: this host does not know the board's model, and so not the units of its windows.",
                "Add it: `bytefed model add FILE --name NAME --classes C`.",
            )
        self.model: tuple[str, Manifest] = known
        self._shape = known[1].input_shape
        self._late: float | None = None
        self._window = 0
        self._rate = 0.0
        self.lost = self.wholes = self.halves = 0

    @property
    def length(self) -> int:
        """Readings in a window."""
        return self._shape[0]

    @property
    def hop(self) -> int:
        """Readings from the start of one window to the start of the next."""
        return max(1, self.length // 2)

    @property
    def _size(self) -> int:
        return math.prod(self._shape)

    @property
    def _new(self) -> int:
        """The first value of a window that the one before it does not have."""
        return (self.length - self.hop) * (self._size // self.length)

    async def rate(self) -> float:
        """Return the readings a second, once the board has said how long a window takes.

        Raises:
            BoardError: E_BOARD_NO_SENSOR.
            LinkError: The board was lost.
        """
        if self._late is None:
            seconds = (await sensor_of(self.device)).window / 100
            self._late, self._rate = min(seconds, LATE), self.hop / seconds
        return self._rate

    def __aiter__(self) -> Signal:
        return self

    async def __anext__(self) -> Piece:
        """Wait for the next window, and return what is new in it.

        Raises:
            BoardError: E_BOARD_NO_SENSOR; E_BOARD_UNPAIRED over an open radio link.
            LinkError: The board was lost for good; E_RECORD_SLOW if the link does not keep up.
        """
        await self.rate()
        before, start = self._window, self._new if self._window else 0
        for _ in range(_MOST_LOST):
            window, values = await self._fetch(start)
            follows = before > 0 and window == _after(before)
            if values is not None and (start == 0 or follows):
                break
            start = 0  # there is a gap: the first half is news, too
        else:
            raise LinkError(
                "E_RECORD_SLOW",
                f"{self.device.uri}: {_MOST_LOST} windows one behind the other were gone before they were fetched.",
                "Record over a cable, or move closer.",
            )
        self._window = window
        if start:
            self.halves += 1
        else:
            self.wholes += 1
            self.lost += (window - before - 1) % _LAST if before else 0
        return Piece(window, self._real(values), follows)

    async def _fetch(self, start: int) -> tuple[int, bytes | None]:
        """Fetch the next window from a value on; None if the board had another before it was here."""
        found, values = 0, b""
        while start + len(values) < self._size:
            recorded, part = await self._ask(start + len(values))
            if found not in (0, recorded.window):
                return recorded.window, None
            found = recorded.window
            values += part
        return found, values

    async def _ask(self, offset: int) -> tuple[Recorded, bytes]:
        """Ask for a part of the window behind the last one; again while the board takes samples."""
        session = self.device.session
        session.account.said = Said()
        bodies: list[bytes] = []
        message, size = Record(self._window, offset).pack(), Recorded.size()
        late = self._late or 0.0

        async def attempt() -> None:
            while True:
                try:
                    _, body = await session.link.request(
                        Kind.RECORD, message, Kind.RECORDED, name="record", late=late, fixed=size
                    )
                    bodies.append(body)
                    return
                except BoardError as error:
                    self._refused(error)
                await asyncio.sleep(_PAUSE)

        await session.with_recovery(attempt)
        return Recorded.unpack(bodies[-1]), bodies[-1][Recorded.size() :]

    def _refused(self, error: BoardError) -> None:
        if error.code == "E_BOARD_UNPAIRED":
            raise BoardError(
                "E_BOARD_UNPAIRED",
                f"{self.device.uri}: raw windows leave a board over a cable or sealed, and this link is neither.",
                "Plug the board in, or pair it: `bytefed pair BOARD`.",
            ) from error
        if error.code != "E_BOARD_BUSY":
            raise error

    def _real(self, values: bytes | None) -> NDArray[np.float32]:
        codes = np.frombuffer(values or b"", np.int8).astype(np.float32)
        quantization = self.model[1].input_quantization
        real = np.float32(quantization.scale) * (codes - np.float32(quantization.zero_point))
        return real.reshape(-1, self._size // self.length)

    def estimate(self) -> ByteCount:
        """Return the bytes that this takes on a link that loses nothing and keeps up."""
        profile = self.device.profile
        count = about_bytes(profile) * (self._late is not None)
        count += recorded_bytes(profile, self._size, self.wholes)
        return count + recorded_bytes(profile, self._size - self._new, self.halves)


def _after(window: int) -> int:
    return window % _LAST + 1
