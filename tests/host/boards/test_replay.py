"""A virtual board whose sensor is a recording: CAPTURE, training on what it took, and captures that can't be."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from booked_device import run_round
from numpy.typing import NDArray

from bytefed.boards.open import VirtualOptions, open_devices
from bytefed.boards.replay import Recording, Replay
from bytefed.boards.started import board_command
from bytefed.boards.virtual import BoardKind, load_extractor, load_recording
from bytefed.cli.main import main
from bytefed.device import visit
from bytefed.device.device import Device
from bytefed.device.plan import Samples, TrainingPlan
from bytefed.device.visit import about
from bytefed.errors import BytefedError, ConfigError, DataError
from bytefed.extractor.extractor import Extractor
from bytefed.extractor.manifest import Manifest, model_folder
from bytefed.protocol.message import Capability, Capture, Captured, Kind

_MODEL = Manifest.load(model_folder("motion"))
D, C, CAPACITY = _MODEL.D, _MODEL.C, 40
PLAN = TrainingPlan("float32", "float32", epochs=2, batch=8, rate=0.05, seed=1)
HEAD = np.zeros(D * C + C, np.float32)


def windows(count: int = 24) -> tuple[NDArray[np.int8], NDArray[np.uint8]]:
    rng = np.random.default_rng(5)
    x = rng.integers(-128, 128, (count, *Extractor.load("motion").input_shape)).astype(np.int8)
    return x, (np.arange(count) % C).astype(np.uint8)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    x, y = windows()
    np.savez(tmp_path / "recording.npz", X=x, y=y)
    return tmp_path / "recording.npz"


def kind(replay: Path | None) -> BoardKind:
    return BoardKind(D, C, "motion", CAPACITY, replay=str(replay) if replay else None)


async def take(device: Device, message: Capture) -> Captured:
    """Ask until it is over."""
    while True:
        _, body = await device.ask(Kind.CAPTURE, message.pack(), Kind.CAPTURED)
        captured = Captured.unpack(body)
        if captured.state == 0:
            return captured


async def train(device: Device) -> int:
    reply = await run_round(device, 1, HEAD, PLAN)
    assert reply.delta is not None and reply.delta.any()
    return reply.num_examples


@pytest.mark.parametrize("scheme", ["loopback", "virtual"])
def test_it_trains_on_what_it_captured(recording: Path, scheme: str) -> None:
    """The store holds the features of the windows in turn, each with the label that was asked for."""

    async def action() -> None:
        async with open_devices([f"{scheme}:1"], VirtualOptions(kind(recording))) as (device,):
            await device.connect(1)
            assert device.board.capabilities == Capability.EXTRACTOR | Capability.SENSOR
            details = await about(device)
            assert details is not None and (details.sensor, details.window) == (6, 250)
            assert await take(device, Capture(0, 5, 2, 0)) == Captured(0, 5)
            assert await take(device, Capture(5, 3, 0, 0)) == Captured(0, 3)
            assert await take(device, Capture(5, 3, 0, 0)) == Captured(0, 3)  # the same again: nothing
            await device.close()
            await device.connect(1)

            extractor = Extractor.load("motion")
            replay = Replay(Recording(*windows()), device.uid)
            taken = b"".join(replay.sense(label) for label in [2] * 5 + [0] * 3)
            features = extractor.extract(np.frombuffer(taken, np.int8).reshape(8, *extractor.input_shape))
            labels, meaning = np.repeat([2, 0], [5, 3]).astype(np.uint8), extractor.quantization
            expected = Samples(
                "features", features, labels, features[:0], labels[:0], meaning.scale, meaning.zero_point
            )
            assert device.stored.crc == expected.store_crc()
            assert await train(device) == 8

    asyncio.run(action())


def test_windows_come_in_turn_and_begin_again() -> None:
    x, y = windows()
    replay = Replay(Recording(x, y), uid=4)
    of_label = x[y == 3]
    got = [replay.sense(3) for _ in range(len(of_label) + 1)]
    assert got[0] == of_label[4].tobytes()
    assert sorted(got[:-1]) == sorted(window.tobytes() for window in of_label)
    assert got[-1] == got[0]


def test_without_labels_any_window_does() -> None:
    x, _ = windows()
    replay = Replay(Recording(x, None), uid=0)
    assert [replay.sense(label) for label in (3, 1, 1)] == [window.tobytes() for window in x[:3]]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (Capture(0, 3, C, 0), "E_BOARD_BAD_LABEL"),
        (Capture(0, CAPACITY + 1, 0, 0), "E_BOARD_STORE_FULL"),
        (Capture(1, 3, 0, 0), "E_BOARD_BAD_VALUE"),
        (Capture(0, 3, 0, 4), "E_BOARD_BAD_VALUE"),
    ],
)
def test_a_capture_that_can_t_be_is_refused(recording: Path, message: Capture, code: str) -> None:
    """A coded error with a remedy, and the board goes on."""

    async def action() -> None:
        async with open_devices(["loopback:1"], VirtualOptions(kind(recording))) as (device,):
            await device.connect(1)
            with pytest.raises(BytefedError, match=code) as caught:
                await take(device, message)
            assert caught.value.remedy
            assert await take(device, Capture(0, 4, 1, 0)) == Captured(0, 4)
            assert await train(device) == 4

    asyncio.run(action())


def test_no_sensor(recording: Path) -> None:
    async def action() -> None:
        async with open_devices(["loopback:1"], VirtualOptions(kind(None))) as (device,):
            await device.connect(1)
            assert device.board.capabilities == Capability.EXTRACTOR
            with pytest.raises(BytefedError, match="E_BOARD_NO_SENSOR") as caught:
                await take(device, Capture(0, 3, 0, 0))
            assert caught.value.remedy
            with pytest.raises(BytefedError, match="E_BOARD_NO_SENSOR"):
                await visit.capture(device, 0, 5.0, test=False)
            with pytest.raises(BytefedError, match="E_BOARD_NO_STORAGE") as caught:
                await device.ask(Kind.SAVE, b"", Kind.SAVED)
            assert caught.value.remedy
            x, y = windows(12)
            await device.provision(Samples("inputs", x, y, x[:0], y[:0], 1.0, 0))
            assert await train(device) == 12

    asyncio.run(action())


def test_a_full_store_keeps_what_it_has(recording: Path) -> None:
    async def action() -> None:
        async with open_devices(["loopback:1"], VirtualOptions(kind(recording))) as (device,):
            await device.connect(1)
            await take(device, Capture(0, CAPACITY, 1, 0))
            with pytest.raises(BytefedError, match="E_BOARD_STORE_FULL"):
                await take(device, Capture(CAPACITY, 1, 1, 0))
            assert await train(device) == CAPACITY

    asyncio.run(action())


@contextmanager
def served(options: VirtualOptions) -> Iterator[str]:
    """`bytefed board`, as a user starts it; gives its port."""
    process = subprocess.Popen(
        board_command(1, 0, options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["port"]
    finally:
        process.terminate()
        _, errors = process.communicate(timeout=20)
        assert process.returncode == 0, errors


def test_the_command_over_a_pseudo_terminal(
    recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BYTEFED_KEYS", str(tmp_path / "keys.toml"))
    with served(VirtualOptions(kind(recording), sealed=False)) as port:
        assert main(["pair", port]) == 0

        def command(*options: str) -> subprocess.CompletedProcess[str]:
            line = [sys.executable, "-m", "bytefed", "capture", "--board", f"serial:{port}", *options]
            return subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)

        done = command("--label", "Walking", "--seconds", "20")
        assert done.returncode == 0, done.stderr
        assert "8 of 8" in done.stdout
        done = command("--label", "4")
        assert done.returncode != 0 and "error[E_CONFIG_LABEL]" in done.stderr
        done = command("--label", "1", "--seconds", "100")
        assert done.returncode != 0 and "error[E_BOARD_STORE_FULL]" in done.stderr
        done = command("--label", "1", "--seconds", "5", "--test")
        assert done.returncode == 0 and "2 of 2" in done.stdout


def test_recordings_that_can_t_be(tmp_path: Path) -> None:
    x, y = windows()
    extractor = Extractor.load("motion")
    cases: list[tuple[dict[str, NDArray[np.generic]], str]] = [
        ({"X": x[:, :10], "y": y}, "E_DATA_SHAPE"),
        ({"X": x, "y": y[:5]}, "E_DATA_SHAPE"),
        ({"X": x[:0], "y": y[:0]}, "E_DATA_EMPTY"),
        ({"X": x, "y": y % 3}, "E_DATA_LABEL"),
        ({"X": x, "y": y + 1}, "E_DATA_LABEL"),
        ({"X": x.astype(str), "y": y}, "E_DATA_TYPE"),
        ({"X": np.full(x.shape, np.nan, np.float32)}, "E_DATA_NAN"),
        ({"y": y}, "E_DATA_ARRAY"),
        ({"X": x[:, 0, 0, 0]}, "E_DATA_SHAPE"),
    ]
    for arrays, code in cases:
        np.savez(tmp_path / "bad.npz", **arrays)  # type: ignore[arg-type]
        with pytest.raises(DataError, match=code):
            Recording.load(str(tmp_path / "bad.npz"), extractor, C)
    with pytest.raises(DataError, match="E_DATA_MISSING"):
        Recording.load(str(tmp_path / "none.npz"), extractor, C)
    with pytest.raises(ConfigError, match="E_CONFIG_REPLAY"):
        Recording.load("nonesuch", extractor, C)
    with pytest.raises(ConfigError, match="E_CONFIG_REPLAY"):
        load_recording(BoardKind(D, C, replay="motion"), load_extractor(BoardKind(D, C)))


def test_real_values_are_quantised(tmp_path: Path) -> None:
    extractor = Extractor.load("motion")
    raw = np.random.default_rng(2).normal(0, 8, (6, *extractor.input_shape)).astype(np.float32)
    np.savez(tmp_path / "raw.npz", X=raw)
    found = Recording.load(str(tmp_path / "raw.npz"), extractor, C)
    assert found.labels is None
    assert (found.windows == extractor.quantize(raw)).all()


def test_the_motion_task_can_be_replayed() -> None:
    extractor = Extractor.load("motion")
    try:
        found = Recording.load("motion", extractor, C)
    except DataError as error:
        pytest.skip(str(error))
    assert found.windows.dtype == np.int8 and len(found.windows) == 192
    assert found.labels is not None and set(found.labels.tolist()) == {0, 1, 2, 3}
