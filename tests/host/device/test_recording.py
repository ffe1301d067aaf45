"""Raw windows that a host asks for: one signal with its gaps, over links that may carry them; and the files of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sensing_board import HOP, LENGTH, MOTION, Sensor, sensing_board

from bytefed.boards.loopback import LoopbackTransport
from bytefed.data import folder as folder_loader
from bytefed.data.recorded import Recordings, put_model
from bytefed.data.windows import Cut
from bytefed.device.device import Device
from bytefed.device.recording import Signal
from bytefed.errors import BytefedError, ConfigError, DataError
from bytefed.extractor.extractor import Extractor
from bytefed.extractor.manifest import model_folder
from bytefed.protocol.message import VISIT

KEY = bytes(range(32))
MODEL = model_folder("motion") / "motion.tflite"


def real(codes: np.ndarray) -> np.ndarray:
    quantization = MOTION.input_quantization
    return np.asarray(quantization.scale * (codes.astype(np.float64) - quantization.zero_point))


def on_sensor(
    work: Callable[[Device, Sensor], Awaitable[None]], *, key: bytes | None = None, **link: Any
) -> None:
    """Do something with a board whose sensor the test holds; then every byte has a cause."""

    async def attempt() -> None:
        sensor = Sensor()
        device = Device(LoopbackTransport(sensing_board(sensor, window_time=20, key=key), key=key, **link))
        await device.connect(VISIT)
        device.take_bytes()
        async with asyncio.timeout(20):
            await work(device, sensor)
        await device.close()
        device.take_bytes().check()

    asyncio.run(attempt())


async def takes(sensor: Sensor, count: int) -> None:
    """Wait until the board has taken so many windows."""
    while sensor.given < count:
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("key", "link"),
    [(None, {}), (KEY, {}), (KEY, {"framing": "ble"}), (KEY, {"framing": "ble", "mtu": 65})],
    ids=["cable", "sealed cable", "sealed air", "sealed air of short values"],
)
def test_windows_that_follow_each_other_are_one_signal(key: bytes | None, link: dict[str, Any]) -> None:
    async def work(device: Device, sensor: Sensor) -> None:
        signal, parts = Signal(device), []
        for number in range(1, 6):
            sensor.released = number
            piece = await anext(signal)
            assert (piece.window, piece.joins) == (number, number > 1)
            parts.append(piece.readings)
        used = device.take_bytes()
        assert used == signal.estimate()
        assert used.payload_up == (LENGTH + 4 * HOP) * 6
        assert (signal.wholes, signal.halves, signal.lost) == (1, 4, 0)
        assert np.allclose(np.concatenate(parts), real(sensor.signal[: LENGTH + 4 * HOP]), atol=1e-4)

    on_sensor(work, key=key, **link)


def test_a_window_that_is_gone_is_a_gap() -> None:
    async def work(device: Device, sensor: Sensor) -> None:
        signal = Signal(device)
        sensor.released = 1
        await anext(signal)
        sensor.released = 4
        await takes(sensor, 4)
        piece = await anext(signal)
        assert (piece.window, piece.joins, signal.lost, signal.wholes) == (4, False, 2, 2)
        assert np.allclose(piece.readings, real(sensor.window(4)), atol=1e-4)

    on_sensor(work)


def test_a_link_that_does_not_keep_up_says_so() -> None:
    """A window of six parts, and a sensor that has a new one whenever it is looked at."""

    async def work(device: Device, sensor: Sensor) -> None:
        sensor.hurries = True
        with pytest.raises(BytefedError, match="E_RECORD_SLOW") as caught:
            await anext(Signal(device))
        assert caught.value.remedy

    on_sensor(work, key=KEY, framing="ble", mtu=65)


def test_an_open_radio_link_carries_no_raw_window() -> None:
    async def work(device: Device, sensor: Sensor) -> None:
        sensor.released = 1
        with pytest.raises(BytefedError, match="E_BOARD_UNPAIRED") as caught:
            await anext(Signal(device))
        assert "neither" in caught.value.message and "bytefed pair" in caught.value.remedy
        assert device.take_bytes().payload_up == 0 and sensor.given == 0

    on_sensor(work, framing="ble")


def test_recordings_are_what_the_folder_loader_reads(tmp_path: Path) -> None:
    """Whole recordings with a gap: two files; the windows of all of them, and the same int8 values as on the board."""
    sensor = Sensor(windows=20)
    values = real(sensor.signal).astype(np.float32)
    put_model(tmp_path, MODEL)
    for label in ("walk", "rest"):
        with Recordings(tmp_path, label, "b1") as recordings:
            recordings.add(values[:LENGTH], joins=False)
            recordings.add(values[LENGTH : 4 * HOP], joins=True)
            recordings.add(values[8 * HOP : 12 * HOP], joins=False)
        assert list(recordings.files.values()) == [4 * HOP, 4 * HOP]
    task = folder_loader.load(tmp_path, Cut(LENGTH, HOP))
    assert task.classes == ("rest", "walk") and not task.warnings
    extractor = Extractor.load("motion")
    windows = np.stack([sensor.window(number).reshape(50, 1, 6) for number in (1, 2, 3, 9, 10, 11)])
    expected = {bytes(row) for row in extractor.extract(windows)}
    read = np.concatenate([task.federated.features, task.test.features])
    assert {bytes(row) for row in read} == expected and len(read) == 12
    put_model(tmp_path, MODEL)  # the same once more is no trouble
    with pytest.raises(DataError, match="E_RECORD_MODEL"):
        put_model(tmp_path, model_folder("digits") / "digits.tflite")


@pytest.mark.parametrize("label", ["", ".", "../walk", "a/b", "training", " walk", "a\nb"])
def test_labels_that_are_no_folder(label: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="E_CONFIG_LABEL"):
        Recordings(tmp_path / "out", label, "b1")
    assert not (tmp_path / "out").exists()
