"""A board whose image changes to another model: its samples are not taken for that one's, not lost, and named."""

from __future__ import annotations

import asyncio

import numpy as np

from bytefed._core import VirtualBoard, VirtualFlash
from bytefed.boards.loopback import LoopbackTransport
from bytefed.boards.self_check import left_behind
from bytefed.device.device import Device
from bytefed.device.plan import Samples
from bytefed.extractor.manifest import Manifest, model_folder
from bytefed.protocol.message import VISIT, Kind

PLAIN, WHITENED = (Manifest.load(model_folder(name)) for name in ("digits_plain", "digits"))
"""The same shape, so that nothing but the hash tells them apart."""


def device_of(model: Manifest, flash: VirtualFlash) -> Device:
    board = VirtualBoard(
        features=model.D,
        classes=model.C,
        uid=7,
        capacity=20,
        model=model.model_hash,
        input_size=64,
        extract=lambda _: bytes(model.D),
        flash=flash,
    )
    return Device(LoopbackTransport(board))


async def held(model: Manifest, flash: VirtualFlash) -> int:
    """How many samples a board with that model finds in its flash."""
    device = device_of(model, flash)
    await device.connect(VISIT)
    count = device.stored.train + device.stored.test
    await device.close()
    return count


async def keep(model: Manifest, flash: VirtualFlash, count: int) -> None:
    """Have a board with that model keep so many samples."""
    device = device_of(model, flash)
    await device.connect(run=1)
    x, y = np.ones((count, model.D), np.int8), np.zeros(count, np.uint8)
    await device.provision(Samples("features", x, y, x[:0], y[:0], 0.02, -3))
    await device.ask(Kind.SAVE, b"", Kind.SAVED)
    await device.close()


def test_samples_belong_to_the_model_that_made_them() -> None:
    async def work() -> None:
        flash = VirtualFlash()
        await keep(PLAIN, flash, 12)
        assert await held(PLAIN, flash) == 12
        assert await held(WHITENED, flash) == 0
        assert await held(PLAIN, flash) == 12  # still there for an image of the first model

    assert (PLAIN.D, PLAIN.C) == (WHITENED.D, WHITENED.C)
    asyncio.run(work())


def test_what_another_image_will_not_read_is_named() -> None:
    async def work() -> None:
        flash = VirtualFlash()
        await keep(PLAIN, flash, 12)
        said = await left_behind(device_of(PLAIN, flash), WHITENED.model_hash)
        assert "12 samples under model digits_plain" in said
        assert "capture or load them anew" in said
        assert await left_behind(device_of(PLAIN, flash), PLAIN.model_hash) == ""
        assert await left_behind(device_of(WHITENED, flash), PLAIN.model_hash) == ""

    asyncio.run(work())
