"""The Bluetooth side of a virtual board, up to where the radio would begin."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable

from bytefed._core import VirtualBoard
from bytefed.boards.replay import LOOK
from bytefed.protocol.direction import Direction
from bytefed.protocol.message import MAX_FRAME, MAX_WINDOW


class Air:
    """The losses on the way to and from a board.

    Args:
        write_loss, notification_loss: Probability per ATT value.
        seed: Seed of the random losses.

    Attributes:
        written, notified: Bytes that the host handed over, and that it was given.
    """

    def __init__(self, write_loss: float = 0.0, notification_loss: float = 0.0, seed: int = 0) -> None:
        self.written = 0
        self.notified = 0
        self._loss = {Direction.DOWN: write_loss, Direction.UP: notification_loss}
        self._rng = random.Random(seed)

    def carries(self, direction: Direction, value: bytes) -> bool:
        """Whether a value gets through."""
        lost = self._rng.random() < self._loss[direction]
        if direction is Direction.DOWN:
            self.written += len(value)
        elif not lost:
            self.notified += len(value)
        return not lost


class Peripheral:
    """A board that advertises, takes writes, and notifies while it is connected.

    Args:
        name, address: The name and the address that it advertises.
        board: The board itself.
        mtu: ATT MTU that it agrees to.
        rx_capacity: Bytes that wait for the board's loop; more are dropped, as Bluefruit's and ArduinoBLE's
            receive buffers do.
        air: The losses on the way.
    """

    def __init__(
        self,
        name: str,
        address: str,
        board: VirtualBoard,
        *,
        mtu: int = 247,
        rx_capacity: int = MAX_WINDOW * MAX_FRAME,
        air: Air | None = None,
    ) -> None:
        self.name = name
        self.address = address
        self.board = board
        self.board.radio = True
        self.mtu = mtu
        self.air = air or Air()
        self.advertising = True
        self.dropped = 0  # writes that the receive buffer could not take
        self.rx_capacity = rx_capacity
        self._rx: deque[bytes] = deque()
        self._notify: Callable[[bytes], None] | None = None
        self._tell_phone: Callable[[bytes], None] | None = None
        self._told = b""
        self._work: asyncio.Handle | None = None
        self._look: asyncio.Handle | None = None  # at the sensor

    def connect(self, notify: Callable[[bytes], None]) -> None:
        """Take a connection; what the board says goes to `notify`."""
        self._notify = notify
        self._schedule()

    def subscribe(self, tell: Callable[[bytes], None]) -> None:
        """Give a phone that is connected each new text, without a key."""
        self._tell_phone = tell

    def disconnect(self) -> None:
        """The link is gone, with all that was under way on it."""
        self._notify = self._tell_phone = None
        self._rx.clear()
        self.board.disconnect()

    def restart(self, board: VirtualBoard) -> None:
        """Come back as a board that was switched off and on."""
        self.board = board
        self.board.radio = True
        self._rx.clear()

    def write(self, value: bytes) -> None:
        """Take an ATT value from the host."""
        if not self.air.carries(Direction.DOWN, value):
            return
        if sum(map(len, self._rx)) + len(value) > self.rx_capacity:
            self.dropped += 1
            return
        self._rx.append(value)
        self._schedule()

    def _schedule(self) -> None:
        if self._work is None:
            self._work = asyncio.get_running_loop().call_soon(self._loop_once)

    def _loop_once(self) -> None:
        """One turn of the board's loop(): what has arrived, some training, answers."""
        self._work = None
        if self._look is not None:
            self._look.cancel()
        while self._rx:
            self.board.feed_frame(self._rx.popleft())
            self.board.poll(1)
        busy = self.board.poll()
        for frame in self.board.take_frames():
            self.send(frame)
        if self.board.shown != self._told:
            self._told = self.board.shown
            if self._tell_phone is not None:
                self._tell_phone(self._told)
        if busy:
            self._schedule()
        elif self.board.senses:
            self._look = asyncio.get_running_loop().call_later(LOOK, self._schedule)

    def send(self, frame: bytes) -> None:
        """Notify the host, if it is there."""
        value = frame[: self.mtu - 3]  # the stacks cut what is too long, and don't say so
        if self._notify is not None and self.air.carries(Direction.UP, value):
            self._notify(value)
