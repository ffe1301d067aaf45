"""The boards' app with a model of words, on fake cores: it hears the windows that the host's ear makes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fake_board import FakeBoard
from numpy.typing import NDArray
from test_app import go, meet

from bytefed.device.device import Device
from bytefed.device.visit import about, level, sensor_of
from bytefed.errors import BoardError
from bytefed.extractor.manifest import Manifest, model_folder
from bytefed.extractor.sound import MICROPHONE, FrontEnd, ear
from bytefed.protocol.message import (
    VISIT,
    Capability,
    Capture,
    Captured,
    CaptureFlag,
    Kind,
    Levelled,
    Noise,
    Record,
    Recorded,
)

_MODEL = Manifest.load(model_folder("keywords"))
_FRONT_END = FrontEnd.of(_MODEL.document)
pytestmark = pytest.mark.usefixtures("blank_flash")


@pytest.fixture(params=["nano_words", "bluefruit_words"])
def board(fake_boards: Path, request: pytest.FixtureRequest) -> FakeBoard:
    return FakeBoard(fake_boards / f"fake_{request.param}.so")


def a_sound(seconds: float, seed: int = 1) -> NDArray[np.int16]:
    """Words of noise with quiet between them, as a microphone hears them."""
    count = int(seconds * MICROPHONE)
    loudness = 20 + 2000 * (np.arange(count) % MICROPHONE > MICROPHONE // 2)  # one a second
    return np.asarray(np.random.default_rng(seed).normal(0, 1, count) * loudness, np.int16)


def windows_of(sound: NDArray[np.int16], *, on_sound: bool = False) -> list[bytes]:
    """The windows that the host's ear makes of a sound."""
    assert _FRONT_END is not None
    one = ear(_FRONT_END, _MODEL.input_quantization)
    one.clear(on_sound)
    found = []
    while len(sound):
        sound = sound[one.take(sound) :]
        if window := one.window():
            found.append(bytes(window))
    return found


async def _ask(device: Device, message: Capture) -> Captured:
    _, body = await device.ask(Kind.CAPTURE, message.pack(), Kind.CAPTURED)
    return Captured.unpack(body)


async def _record(device: Device, after: int) -> tuple[int, bytes]:
    """Fetch a whole window."""
    values, number = b"", after
    while len(values) < 1568:
        _, body = await device.ask(Kind.RECORD, Record(after, len(values)).pack(), Kind.RECORDED)
        number, values = Recorded.unpack(body).window, values + body[Recorded.size() :]
    return number, values


def test_windows_are_those_of_the_host_to_the_bit(board: FakeBoard) -> None:
    """The first begins where the board began to listen, the next ones half a window further each."""

    async def action() -> None:
        device = await meet(board, "serial", VISIT)
        assert device.board.capabilities & Capability.HEARS
        details = await about(device)
        assert details is not None and (details.sensor, details.window) == (7, 48)
        sound = a_sound(8)
        board.hear(sound.tobytes())
        found = [await _record(device, 0)]
        while len(found) < 4:
            found.append(await _record(device, found[-1][0]))
        assert [number for number, _ in found] == [1, 2, 3, 4]
        starts = (
            start for start in range(0, 4 * MICROPHONE, 256) if windows_of(sound[start:])[0] == found[0][1]
        )
        heard = windows_of(sound[next(starts) :])
        assert [window for _, window in found] == heard[:4]
        await device.close()

    go(action)


def test_a_capture_waits_for_words_and_keeps_their_features(board: FakeBoard) -> None:
    async def action() -> None:
        device = await meet(board, "serial", VISIT)
        quiet = np.zeros(2 * MICROPHONE, np.int16)
        board.hear(quiet.tobytes())
        message = Capture(0, 3, 1, CaptureFlag.ON_SOUND)
        assert (await _ask(device, message)).state == 1
        while board.get("to_hear"):
            await _ask(device, message)
        assert await _ask(device, message) == Captured(1, 0)
        board.hear(a_sound(5).tobytes())
        while (captured := await _ask(device, message)).state:
            pass
        assert captured == Captured(0, 3) and board.get("label") == 1
        loudness = await level(device)
        assert loudness is not None and 1000 < loudness.peak < 12000 and loudness.clipped == 0
        await device.close()

    go(action)


def test_what_is_cut_off_is_told(board: FakeBoard) -> None:
    async def action() -> None:
        device = await meet(board, "serial", VISIT)
        await _ask(device, Capture(0, 9, 1, 0))
        passed_over = [32767] * 512  # older than the start, perhaps
        board.hear(np.array(passed_over + [32767, -32768, -32767, 32766] * 64, np.int16).tobytes())
        while board.get("to_hear"):
            await _ask(device, Capture(0, 9, 1, 0))
        for _ in range(100):
            loudness = await level(device)
        assert loudness is not None and loudness.clipped == 3 * 64
        await device.close()

    go(action)


@pytest.mark.parametrize("watched", [False, True])
def test_what_a_capture_cut_off_is_told_after_it(board: FakeBoard, watched: bool) -> None:
    """Also where windows are recorded before it, so that the board hears on; the next capture begins anew."""

    async def action() -> None:
        device = await meet(board, "serial", VISIT)
        if watched:
            await _record(device, 0)
        loud = 3 * MICROPHONE
        board.hear(np.full(loud, 32767, np.int16).tobytes())
        while (await _ask(device, Capture(0, 2, 1, 0))).state:
            pass
        heard = loud - board.get("to_hear")
        loudness = await level(device)
        assert loudness is not None and loudness.clipped > 0.9 * heard and loudness.peak > 30000
        while board.get("to_hear"):
            board.step()
        while (await _ask(device, Capture(2, 1, 1, 0))).state:
            pass
        loudness = await level(device)
        assert loudness is not None and loudness == Levelled(0, 0)
        await device.close()

    go(action)


def test_samples_that_nobody_read_begin_a_window_anew(board: FakeBoard) -> None:
    """The interrupt has nowhere to put them while the app stands still; no window has both sides of the gap."""

    async def action() -> None:
        device = await meet(board, "serial", VISIT)
        sound = a_sound(8)
        board.hear(sound.tobytes())
        number, _ = await _record(device, 0)
        board.set("now", board.get("now") + 300)
        _, window = await _record(device, number)
        assert any(windows_of(sound[start:])[0] == window for start in range(0, 6 * MICROPHONE, 256))
        await device.close()

    go(action)


def test_what_is_heard_while_flash_is_written_is_in_no_window(board: FakeBoard) -> None:
    """Writing stops the processor, and the microphone's library loses blocks unseen."""

    async def action() -> None:
        device = await meet(board, "serial", VISIT)
        sound = a_sound(12)
        board.hear(sound.tobytes())
        number, first = await _record(device, 0)
        starts = range(0, 4 * MICROPHONE, 256)
        start = next(start for start in starts if windows_of(sound[start:])[0] == first)
        while (await _ask(device, Capture(0, 1, 1, 0))).state:
            pass
        number, _ = await _record(device, number)
        await device.ask(Kind.SAVE, b"", Kind.SAVED)
        _, after = await _record(device, number)
        ends = [one for one in range(start, 10 * MICROPHONE, 256) if windows_of(sound[one:])[0] == after]
        assert ends and ends[0] >= start + 2 * MICROPHONE
        await device.close()

    go(action)


def test_every_write_to_flash_is_a_gap(board: FakeBoard) -> None:
    """The privacy budget is written while a host waits, and makes one, too; LEVEL is withheld from then on."""

    async def action() -> None:
        device = await meet(board, "serial", VISIT)
        while (await _ask(device, Capture(0, 1, 1, 0))).state:
            pass
        assert await level(device) is not None
        lost = board.get("lost")
        await device.ask(Kind.NOISE, Noise(1.0, 1_000_000, 16, 3_000_000).pack(), Kind.NOISED)
        assert board.get("lost") > lost
        assert await level(device) is None
        with pytest.raises(BoardError, match="E_BOARD_WITHHELD"):
            await device.ask(Kind.LEVEL, b"", Kind.LEVELLED)
        await device.close()

    go(action)


def test_a_capture_hears_nothing_of_before_it(board: FakeBoard) -> None:
    """Its first window is as long as any, though half of one was there already."""

    async def action() -> None:
        device = await meet(board, "serial", VISIT)
        board.hear(a_sound(12).tobytes())
        number, _ = await _record(device, 0)
        await _record(device, number)
        before = board.get("to_hear")
        while (await _ask(device, Capture(0, 1, 1, 0))).state:
            pass
        assert before - board.get("to_hear") > 0.95 * MICROPHONE
        await device.close()

    go(action)


def _press(board: FakeBoard) -> None:
    board.set("button", 1)
    board.step(100)
    board.set("button", 0)
    board.step(100)


def test_a_press_ends_a_capture_that_waits_and_so_does_a_minute(fake_boards: Path) -> None:
    board = FakeBoard(fake_boards / "fake_bluefruit_words.so")
    board.step(50)
    for _ in range(2):
        _press(board)
        assert board.get("capturing")
        _press(board)
        assert not board.get("capturing")
    _press(board)
    board.step(58_000)
    assert board.get("capturing")
    board.step(4_000)
    assert not board.get("capturing") and board.get("train") == 0
    _press(board)
    assert board.get("capturing")


@pytest.mark.parametrize("windows", [0, 1])
def test_a_press_ends_a_host_s_capture_which_hears_how_far_it_came(fake_boards: Path, windows: int) -> None:
    async def action() -> None:
        board = FakeBoard(fake_boards / "fake_bluefruit_words.so")
        device = await meet(board, "serial", VISIT)
        board.hear(a_sound(2.5 * windows).tobytes())
        asked = Capture(0, 9, 1, 0)
        while (await _ask(device, asked)).count < windows:
            pass
        _press(board)
        told = await _ask(device, asked)
        assert told.state == 0 and windows <= told.count < 9
        assert await _ask(device, asked) == told
        await device.close()

    go(action)


def test_a_microphone_that_does_not_start_is_none(fake_boards: Path) -> None:
    async def action() -> None:
        board = FakeBoard(fake_boards / "fake_nano_words.so", microphone_fails=1)
        device = await meet(board, "serial", VISIT)
        with pytest.raises(BoardError, match="E_BOARD_NO_SENSOR"):
            await sensor_of(device)
        await device.close()

    go(action)


def test_a_board_without_a_microphone_says_so(fake_boards: Path) -> None:
    async def action() -> None:
        device = await meet(FakeBoard(fake_boards / "fake_itsybitsy_words.so"), "serial", VISIT)
        assert not device.board.capabilities & (Capability.HEARS | Capability.SENSOR)
        assert await level(device) is None
        with pytest.raises(BoardError, match="E_BOARD_NO_SENSOR"):
            await _ask(device, Capture(0, 3, 0, 0))
        with pytest.raises(BoardError, match="E_BOARD_UNKNOWN_KIND"):
            await device.ask(Kind.LEVEL, b"", Kind.LEVELLED)
        await device.close()

    go(action)
