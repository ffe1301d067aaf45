"""Boards from a core that was built apart (shared_board.cpp): for cores that are broken on purpose."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from board_port import MakeBoard

ROOT = Path(__file__).parents[2]
CORE = ROOT / "firmware/lib/bytefed/src"
MONOCYPHER = ROOT / "build" / "monocypher"
_SHIM = Path(__file__).with_name("shared_board.cpp")
_BUFFER = 65_536


def build_shared_board(sources: Path, library: Path) -> None:
    """Compile a core, or a changed copy of one.

    Args:
        sources: The folder that holds `bytefed/`.
        library: The library to make.
    """
    compiler = shutil.which("c++") or "g++"
    core = sorted((sources / "bytefed").rglob("*.cpp"))
    flags = ["-std=gnu++14", "-O1", "-ffp-contract=off", "-shared", "-fPIC", "-w"]
    includes = [f"-I{sources}", f"-I{MONOCYPHER}"]
    files = [_SHIM, *core, monocypher(compiler)]
    subprocess.run([compiler, *flags, *includes, *map(str, files), "-o", str(library)], check=True)


def monocypher(compiler: str) -> Path:
    """Return the object of Monocypher, which is compiled once for all cores."""
    made = MONOCYPHER / "shared.o"
    if not made.exists():
        subprocess.run([sys.executable, ROOT / "tools" / "monocypher.py", MONOCYPHER], check=True)
        with tempfile.NamedTemporaryFile(dir=MONOCYPHER, suffix=".o", delete=False) as scratch:
            command = [
                compiler,
                "-O2",
                "-fPIC",
                "-w",
                "-c",
                str(MONOCYPHER / "monocypher.c"),
                "-o",
                scratch.name,
            ]
            subprocess.run(command, check=True)
        Path(scratch.name).replace(made)
    return made


def shared_board(library: str) -> MakeBoard:
    """Return what switches on a board of that library (window 2, frames of 20 bytes)."""
    lib = ctypes.CDLL(library)
    lib.board_new.restype = ctypes.c_void_p
    lib.board_new.argtypes = [ctypes.c_uint64, ctypes.c_uint16, ctypes.c_uint8, ctypes.c_uint8]
    for name in ("feed", "feed_frame"):
        getattr(lib, f"board_{name}").argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]
    for name in ("take", "take_frame", "save"):
        getattr(lib, f"board_{name}").argtypes = [ctypes.c_void_p, ctypes.c_char_p]
        getattr(lib, f"board_{name}").restype = ctypes.c_size_t
    for name in ("delete", "state", "round", "poll"):
        getattr(lib, f"board_{name}").argtypes = [ctypes.c_void_p]
    lib.board_load.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    lib.board_load.restype = ctypes.c_bool
    lib.board_poll.restype = ctypes.c_bool
    lib.board_set_millis.argtypes = [ctypes.c_void_p, ctypes.c_uint32]
    return lambda uid, boot: _SharedBoard(lib, uid, boot)


class _SharedBoard:
    """A board with the methods of VirtualBoard, over the C interface."""

    def __init__(self, lib: ctypes.CDLL, uid: int, boot: int) -> None:
        self._lib = lib
        self._board = lib.board_new(uid, boot, 2, 20)
        self._buffer = ctypes.create_string_buffer(_BUFFER)

    def __del__(self) -> None:
        self._lib.board_delete(self._board)

    @property
    def state(self) -> int:
        return int(self._lib.board_state(self._board))

    @property
    def round(self) -> int:
        return int(self._lib.board_round(self._board))

    def set_millis(self, millis: int) -> None:
        self._lib.board_set_millis(self._board, millis)

    def feed(self, data: bytes) -> None:
        self._lib.board_feed(self._board, data, len(data))

    def feed_frame(self, frame: bytes) -> None:
        self._lib.board_feed_frame(self._board, frame, len(frame))

    def poll(self, limit: int) -> bool:
        return bool(self._lib.board_poll(self._board))

    def save(self) -> bytes:
        """Return what flash would keep; nothing of a board that is not at rest."""
        return ctypes.string_at(self._buffer, self._lib.board_save(self._board, self._buffer))

    def load(self, image: bytes) -> None:
        """Start with what flash kept."""
        assert self._lib.board_load(self._board, image)

    def take(self) -> bytes:
        return ctypes.string_at(self._buffer, self._lib.board_take(self._board, self._buffer))

    def take_frames(self) -> list[bytes]:
        frames = []
        while length := self._lib.board_take_frame(self._board, self._buffer):
            frames.append(ctypes.string_at(self._buffer, length))
        return frames
