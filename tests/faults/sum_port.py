"""The link to one board of a world of sums: one frame at which something happens, and what the board drew and told."""

from __future__ import annotations

import random

from bytefed._core import VirtualBoard, VirtualFlash
from bytefed.boards.loopback import LoopbackTransport
from bytefed.errors import LinkError
from bytefed.protocol.header import is_data
from bytefed.protocol.message import HEADER_SIZE, Add, AddFlag, Kind, Status
from bytefed.transport.base import link_lost

FEATURES, CLASSES = 4, 2


class Port(LoopbackTransport):
    """The link to one board, and the one frame at which something happens.

    Args:
        uid: The board's.
        rng: The world's.
        flash: The board's, in which its samples and its budget outlive a reset; None for none.

    Attributes:
        secret: The 32 random bytes that it drew for its last MASK.
        keys: The random bytes that it drew in each round: the key of its noise, if any, and that of its own mask.
        forgotten: The rounds of these keys before its samples were given anew, which end its budget.
        answered: How many boards it was told of in each UNMASK that it answered.
        refused: How often it refused one, as too few boards were left.
    """

    def __init__(self, uid: int, rng: random.Random, flash: VirtualFlash | None) -> None:
        self._rng, self.uid, self._flash = rng, uid, flash
        self.boot, self.asked, self.said = 0, 0, 0
        self.secret = b""
        self.keys: dict[int, list[bytes]] = {}
        self.forgotten = set[int]()
        self.answered: list[int] = []
        self.refused = 0
        self.fault, self.nth, self.gone = "", 0, False
        self.hit = ""
        super().__init__(self._switched_on(), name=str(uid), framing="ble")

    def _switched_on(self) -> VirtualBoard:
        self.boot += 1
        self.masked = False
        return VirtualBoard(
            features=FEATURES, classes=CLASSES, uid=self.uid, boot=self.boot, noise=self._noise, max_batch=32,
            flash=self._flash,
        )  # fmt: skip

    @property
    def board(self) -> VirtualBoard:
        """The board, as it was switched on last."""
        return self._board

    def _noise(self, number: int) -> bytes:
        """Draw 32 bytes, for a secret, where MASK asks for one, or for a key, which may be shorter."""
        drawn = self._rng.randbytes(32)
        if self.asked == Kind.MASK:
            self.secret, self.masked = drawn, True
        else:
            self.keys.setdefault(number, []).append(drawn)
        return drawn

    def _happens(self, frame: bytes) -> str:
        """Return what happens to a frame."""
        self.nth -= 1
        if self.nth != 0 or not self.fault:
            return ""
        self.hit = "chunk" if is_data(frame) else _kind_of(frame)
        if self.fault == "reset":
            self._board = self._switched_on()
        self.gone = self.fault == "gone"
        return self.fault

    def board_gone(self) -> None:
        """Let go of the board, which knows this port, too."""
        del self._board

    async def open(self) -> None:
        if self.gone:
            raise LinkError("E_PORT_MISSING", "gone", "")
        await super().open()

    async def write(self, data: bytes) -> None:
        if not is_data(data):
            self.asked, self.said = data[0], int.from_bytes(data[-2:], "little")
            if data[0] & 0xF0 in (Kind.NEXT, Kind.BEGIN):
                assert self.masked, "a board without masks would tell its delta as it is"
            elif data[0] == Kind.ADD and Add.unpack(data[HEADER_SIZE:]).kind & AddFlag.ANEW:
                self.forgotten = set(self.keys)
        happens = self._happens(data)
        if happens == "lost":
            self.sent += len(data)
            return
        if happens:
            await self.close()
            raise link_lost(self.uri, happens)
        await super().write(data)

    def _note(self, data: bytes) -> None:
        if self.asked != Kind.UNMASK or is_data(data):
            return
        if data[0] == Kind.UNMASKED:
            self.answered.append(self.said)
        elif data[0] == Kind.ERROR:
            self.refused += data[HEADER_SIZE] == Status.TOO_FEW

    async def read(self) -> bytes:
        while True:
            data = await super().read()
            self._note(data)
            happens = self._happens(data)
            if happens == "lost":
                continue
            if happens:
                await self.close()
                raise link_lost(self.uri, happens)
            return data


def _kind_of(frame: bytes) -> str:
    kind = frame[0]
    for known in Kind:
        if known == kind or (known in (Kind.NEXT, Kind.BEGIN) and kind & 0xF0 == known):
            return known.name
    return f"{kind:#x}"
