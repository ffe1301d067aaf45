"""Virtual boards: the firmware's own core behind pseudo-terminals, so that pyserial can't tell one from a board."""

from __future__ import annotations

import os
import random
import selectors
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from bytefed._core import VirtualBoard
from bytefed.boards.hearing import Hearing, Sounds
from bytefed.boards.replay import LOOK, Recording
from bytefed.errors import ConfigError
from bytefed.extractor.extractor import Extractor
from bytefed.extractor.manifest import Manifest, model_folder
from bytefed.extractor.sound import FrontEnd
from bytefed.protocol.message import MAX_WINDOW
from bytefed.seal import draw_key

LABELS_OF_SENSORS = 8
"""The number of labels that boards with a sensor's model have room for."""

_READ_SIZE = 4096
_BITS_PER_BYTE = 10  # start, eight data, stop
_SLICES = 256  # of training between two looks at the link
_IDLE = 0.5  # seconds between two looks at `stopped`


@dataclass(frozen=True)
class BoardKind:
    """The properties of a virtual board.

    Attributes:
        features, classes: D and C of the head.
        model: Name or folder of its extractor; None for a board that takes ready features only.
        capacity: Number of samples that its store holds, 1..65535.
        max_batch: Largest batch size, 1..255.
        window: Number of chunks that it accepts in one burst, 1..32.
        replay: Recording that stands in for a sensor, as `Recording.load` reads it; None for no sensor.
        labels: Number of labels that its memory has room for, C to 64; 0 for 8 with a model that takes windows of a
            sensor, as boards have, and else for C.
    """

    features: int
    classes: int
    model: str | None = None
    capacity: int = 500
    max_batch: int = 32
    window: int = MAX_WINDOW
    replay: str | None = None
    labels: int = 0

    @property
    def most_classes(self) -> int:
        """The number of labels that its memory has room for."""
        return self.labels or max(self.classes, LABELS_OF_SENSORS if _takes_windows(self.model) else 0)


def replaying_kind(model: str, replay: str | None = None) -> BoardKind:
    """Return the kind of board that runs a model and whose sensor replays recordings.

    Args:
        model: The model's name or folder.
        replay: The recordings; None for the model's own, and for no sensor where it has none.

    Raises:
        ModelError: There is no such model.
    """
    manifest = Manifest.load(model_folder(model))
    if replay is None and ("sensor_hertz" in manifest.document or manifest.recordings):
        replay = model
    return BoardKind(manifest.D, manifest.C, model, replay=replay)


@cache
def _takes_windows(model: str | None) -> bool:
    return model is not None and Manifest.load(model_folder(model)).takes_windows


@dataclass(frozen=True)
class VirtualOptions:
    """The options of boards that bytefed starts: `virtual:N`, `virtual-ble:N`, `loopback:N`, `qemu:N`.

    Attributes:
        kind: Their properties.
        line_rate: Bits a second on the lines of `virtual:N`, None for no limit.
        uid_seed: Seed of the boards' uids.
        sealed: Whether each board is started with a key that only this process knows.
    """

    kind: BoardKind
    line_rate: int | None = None
    uid_seed: int = 0
    sealed: bool = True

    def draw_keys(self, count: int) -> list[bytes | None]:
        """Return a fresh key for each of that many boards; None for open ones."""
        return [draw_key() if self.sealed else None for _ in range(count)]


def board_uid(seed: int, index: int) -> int:
    """Return the uid of a virtual board: 64 bits, the same each time, as a chip's is."""
    return random.Random(f"bytefed board {seed}/{index}").getrandbits(64)


def make_board(
    kind: BoardKind,
    uid: int,
    extractor: Extractor | None = None,
    recording: Recording | Sounds | None = None,
    key: bytes | None = None,
    noise: Callable[[int], bytes] | None = None,
) -> VirtualBoard:
    """Return a board that has just been switched on.

    Args:
        kind: Its properties.
        uid: Its identity.
        extractor: Its feature extractor, None for none; boards may share one.
        recording: The windows or the sounds that its sensor replays, None for no sensor; boards may share them.
        key: The key that it shares with its host, 32 bytes; None for an open board.
        noise: Gives the 32 bytes that a round's noise is drawn from, in place of this machine's randomness; for
            simulations, which protect nobody.
    """
    boot = random.SystemRandom().getrandbits(16)
    if extractor is None:
        return VirtualBoard(
            features=kind.features, classes=kind.classes, uid=uid, boot=boot,
            capacity=kind.capacity, max_batch=kind.max_batch, window=kind.window, version=_version(), key=key,
        most_classes=kind.most_classes, noise=noise,
        )  # fmt: skip

    def extract(values: bytes) -> bytes:
        inputs = np.frombuffer(values, np.int8).reshape(1, *extractor.input_shape)
        return extractor.extract(inputs).tobytes()

    sensor = None if recording is None else recording.sensor(uid)
    return VirtualBoard(
        features=kind.features, classes=kind.classes, uid=uid, boot=boot,
        capacity=kind.capacity, max_batch=kind.max_batch, window=kind.window, model=extractor.model_hash,
        input_size=int(np.prod(extractor.input_shape)), scale=extractor.quantization.scale,
        zero_point=extractor.quantization.zero_point, extract=extract,
        sense=None if sensor is None else sensor.sense, sense_time=round(sensor.seconds * 100) if sensor else 0,
        level=sensor.level if isinstance(sensor, Hearing) else None,
        version=_version(), key=key,
        most_classes=kind.most_classes, noise=noise,
    )  # fmt: skip


@cache
def _version() -> tuple[int, int, int]:
    """Return the version that a virtual board reports: that of bytefed, zeros where it is not installed."""
    try:
        major, minor, patch = version("bytefed").split(".")[:3]
        return int(major), int(minor), int(patch)
    except (PackageNotFoundError, ValueError):
        return 0, 0, 0


def load_extractor(kind: BoardKind) -> Extractor | None:
    """Return the extractor of a kind of board.

    Raises:
        ModelError: The model can't be used.
        ConfigError: E_CONFIG_SHAPE if its features are not the board's.
    """
    if kind.model is None:
        return None
    extractor = Extractor.load(kind.model)
    if kind.features != extractor.D:
        raise ConfigError(
            "E_CONFIG_SHAPE",
            f"The board's head takes {kind.features} features, model '{kind.model}' gives {extractor.D}.",
            f"Say --shape {extractor.D}x{kind.classes}.",
        )
    return extractor


def load_recording(kind: BoardKind, extractor: Extractor | None) -> Recording | Sounds | None:
    """Return what the sensors of a kind of board replay: sounds with a model that takes sound, else windows.

    Raises:
        DataError: The recording can't be used.
        ConfigError: E_CONFIG_REPLAY if there is none such, or no extractor for its windows.
    """
    if kind.replay is None:
        return None
    if extractor is None:
        raise ConfigError(
            "E_CONFIG_REPLAY",
            f"--replay {kind.replay} needs an extractor, and the board takes ready features.",
            "Name a --model that takes the windows, such as motion.",
        )
    manifest = None if kind.model is None else Manifest.load(model_folder(kind.model))
    front_end = None if manifest is None else FrontEnd.of(manifest.document)
    if manifest is not None and front_end is not None and not kind.replay.endswith(".npz"):
        return Sounds.load(kind.replay, manifest, front_end)
    return Recording.load(kind.replay, extractor, kind.classes)


class Pace:
    """Limits one direction of a line to its rate.

    Args:
        line_rate: Bits a second, ten of them a byte; None for no limit.
    """

    def __init__(self, line_rate: int | None) -> None:
        self._seconds_per_byte = _BITS_PER_BYTE / line_rate if line_rate else 0.0
        self._free_at = 0.0

    def wait(self, now: float) -> float:
        """Return the seconds until the line is free."""
        return max(0.0, self._free_at - now)

    def spend(self, count: int, now: float) -> None:
        """Occupy the line for that many bytes."""
        self._free_at = max(self._free_at, now) + count * self._seconds_per_byte

    def burst(self) -> int:
        """Return how many bytes to move at once: about 5 ms of the line, all without a limit."""
        return max(1, int(0.005 / self._seconds_per_byte)) if self._seconds_per_byte else _READ_SIZE


class PtyBoard:
    """One virtual board and its pseudo-terminal.

    Args:
        board: The board.
        line_rate: Bits a second on its line; None for no limit.

    Raises:
        OSError: There is no further pseudo-terminal.
    """

    def __init__(self, board: VirtualBoard, line_rate: int | None) -> None:
        import tty  # not on Windows, where the rest of this module still serves

        self.board = board
        self.master, self._slave = os.openpty()  # the slave stays open: a port outlives its users
        tty.setraw(self._slave)
        os.set_blocking(self.master, False)
        self.port = os.ttyname(self._slave)
        self._incoming, self._outgoing = Pace(line_rate), Pace(line_rate)
        self._out = b""
        self._busy = False

    def serve(self, readable: bool) -> float | None:
        """Move bytes and work a little; return seconds until there is more to do, None when only input matters."""
        now = time.monotonic()
        if readable and self._incoming.wait(now) == 0.0:
            data = os.read(self.master, self._incoming.burst())
            self._incoming.spend(len(data), now)
            self.board.feed(data)
            self._busy = True
        if self._busy or self.board.senses:
            self._busy = self.board.poll(_SLICES)
            self._out += self.board.take()
        if self._out and self._outgoing.wait(now) == 0.0:
            self._write(now)
        if self._busy:
            return 0.0
        if self._out:
            return max(self._outgoing.wait(now), 0.0005)
        return LOOK if self.board.senses else None

    def read_wait(self) -> float:
        """Return the seconds for which the line is still busy with what was read."""
        return self._incoming.wait(time.monotonic())

    def _write(self, now: float) -> None:
        try:
            taken = os.write(self.master, self._out[: self._outgoing.burst()])
        except BlockingIOError:
            return
        self._outgoing.spend(taken, now)
        self._out = self._out[taken:]

    def close(self) -> None:
        """Take the port away."""
        os.close(self.master)
        os.close(self._slave)


def serve_boards(boards: list[PtyBoard], stopped: Callable[[], bool]) -> None:
    """Run boards until `stopped` returns True."""
    selector = selectors.DefaultSelector()
    for board in boards:
        selector.register(board.master, selectors.EVENT_READ, board)
    waits: dict[PtyBoard, float | None] = dict.fromkeys(boards)
    while not stopped():
        due = min((wait for wait in waits.values() if wait is not None), default=_IDLE)
        ready = {key.data for key, _ in selector.select(min(due, _IDLE))}
        throttled = 0.0
        for board in boards:
            if board in ready or waits[board] is not None:
                waits[board] = board.serve(board in ready)
        if ready:
            throttled = min(board.read_wait() for board in ready)
        if throttled > 0.0:  # all that is readable waits for a slow line: don't spin
            time.sleep(min(throttled, 0.005))
    selector.close()
