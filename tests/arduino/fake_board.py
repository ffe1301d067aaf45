"""A board whose firmware is the Arduino app itself, on a fake core, with the interface that LoopbackTransport needs."""

from __future__ import annotations

import ctypes
import shutil
import tempfile
from pathlib import Path

_BUFFER = 65_536


class FakeBoard:
    """One power-on of the board: a fresh copy of the library. What is in its flash, the process keeps.

    Args:
        library: fake_nano.so or another of CMakeLists.txt.
        world: Values to set before it is switched on, as `set` does.
    """

    senses = False  # its loop says so itself: it always has something to do

    def __init__(self, library: Path, **world: int) -> None:
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(shutil.copy(library, folder))
            self._lib = ctypes.CDLL(str(copy))
        self._lib.board_usb_take.restype = ctypes.c_size_t
        self._lib.board_ble_take.restype = ctypes.c_size_t
        self._lib.board_phone_read.restype = ctypes.c_size_t
        for name in ("board_usb", "board_ble", "board_hear"):
            getattr(self._lib, name).argtypes = [ctypes.c_char_p, ctypes.c_size_t]
        self._lib.board_usb_take.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
        self._buffer = ctypes.create_string_buffer(_BUFFER)
        for name, value in world.items():
            self.set(name, value)
        self._lib.board_switch_on()

    def set(self, name: str, value: int) -> None:
        """Change the world: see board_set in fake/board.cpp."""
        self._lib.board_set(name.encode(), value)

    def get(self, name: str) -> int:
        """Look at the world or the board: see board_get in fake/board.cpp."""
        return int(self._lib.board_get(name.encode()))

    def step(self, times: int = 1) -> None:
        """Let the app work until it has rested so often; each rest is a millisecond."""
        self._lib.board_step(times)

    def connect(self, connected: bool = True) -> None:
        """A central connects, or the link is lost."""
        self._lib.board_ble_connect(connected)

    def feed(self, data: bytes) -> None:
        """Bytes to the USB port."""
        self._lib.board_usb(data, len(data))

    def take(self) -> bytes:
        """Bytes from the USB port; only now has the driver room for more."""
        size = self._lib.board_usb_take(self._buffer, _BUFFER)
        return self._buffer.raw[:size]

    def hear(self, samples: bytes) -> None:
        """Sound for the microphone, int16, 16,000 samples a second, behind what it has not heard yet."""
        self._lib.board_hear(samples, len(samples) // 2)

    def feed_frame(self, frame: bytes) -> None:
        """An ATT write to RX."""
        self._lib.board_ble(frame, len(frame))

    def take_frames(self) -> list[bytes]:
        """Notifications of TX."""
        frames = []
        while size := self._lib.board_ble_take(self._buffer):
            frames.append(self._buffer.raw[:size])
        return frames

    def read_phone(self) -> str:
        """Return the text that a phone reads."""
        size = self._lib.board_phone_read(self._buffer)
        return self._buffer.raw[:size].decode()

    def erase_flash(self) -> None:
        """Make the store blank, of this board and of those that are switched on after it."""
        self._lib.board_erase_flash()

    def spoil_flash(self, seed: int) -> None:
        """Fill the store with noise."""
        self._lib.board_spoil_flash(seed)

    def flip_flash(self, seed: int) -> None:
        """Flip a bit of each page that holds anything."""
        self._lib.board_flip_flash(seed)

    def set_millis(self, millis: int) -> None:
        """Leave the board its own clock, which its rests move on."""

    def poll(self) -> bool:
        """Let it work a little; always come back, for the world goes on."""
        self.step()
        return True
