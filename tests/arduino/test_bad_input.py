"""Impossible requests to a board: the host says clearly why, and the board goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fake_board import FakeBoard
from test_app import CAPACITY, FAMILIES, C, capture, go, meet, samples, train

from bytefed.boards import self_check
from bytefed.boards.describe import describe
from bytefed.device import naming, visit
from bytefed.device import session as session_module
from bytefed.device.device import Device
from bytefed.device.plan import Samples
from bytefed.errors import BoardError, ConfigError, ProtocolError
from bytefed.extractor import manifest
from bytefed.extractor.manifest import Manifest, model_folder
from bytefed.federation.requirements import Requirements
from bytefed.protocol.message import PROTOCOL_VERSION, VISIT, Capability, Capture, Kind

MOTION = Manifest.load(model_folder("motion"))
RED = 1
pytestmark = pytest.mark.usefixtures("blank_flash")


@pytest.fixture(params=FAMILIES)
def switch_on(request: pytest.FixtureRequest, fake_boards: Path) -> Callable[..., FakeBoard]:
    return lambda **world: FakeBoard(fake_boards / f"fake_{request.param}.so", **world)


async def goes_on(device: Device) -> None:
    """A round as if nothing had been."""
    await device.connect(9)
    await device.provision(samples())
    assert (await train(device)).delta is not None
    await device.close()


def test_a_model_that_does_not_fit_its_arena(switch_on: Callable[..., FakeBoard]) -> None:
    async def action() -> None:
        board = switch_on(tensors=MOTION.arena_bytes + 1)
        device = await meet(board, "serial", VISIT)
        assert device.board.capabilities == Capability.PERSISTENT | Capability.OPEN
        assert (await describe(device))["model"] == "none: takes features"
        with pytest.raises(BoardError, match="E_BOARD_NO_SENSOR") as refused:
            await visit.capture(device, 0, 5.0, test=False)
        assert "too large" in refused.value.remedy
        await goes_on(device)
        with pytest.raises(BoardError, match="E_BOARD_MODEL") as refused:
            await self_check.check_model(device, MOTION.model_hash)
        assert "arena" in refused.value.remedy

    go(action)


def test_a_model_that_this_host_does_not_know(
    switch_on: Callable[..., FakeBoard], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def action() -> None:
        device = await meet(switch_on(), "serial", VISIT)
        monkeypatch.setattr(manifest, "model_names", lambda: ["digits"])
        assert (await describe(device))["model"] == f"unknown ({MOTION.model_hash:08x})"
        names = naming.model_names(device)
        with pytest.raises(ConfigError, match="a number from 0 to 3"):
            naming.label_number("Walking", names)
        assert naming.label_number("2", names) == 2
        other = Requirements(device.board.features, device.board.classes, MOTION.model_hash + 1, 8)
        with pytest.raises(BoardError, match="E_BOARD_MODEL") as refused:
            other.check(device)
        assert "Flash" in refused.value.remedy
        await goes_on(device)

    go(action)


def test_a_store_that_is_full(switch_on: Callable[..., FakeBoard]) -> None:
    async def action() -> None:
        board = switch_on()
        device = await meet(board, "serial")
        with pytest.raises(BoardError, match="E_BOARD_STORE_FULL") as refused:
            await device.provision(samples(CAPACITY))  # and 8 for the test
        assert "larger store" in refused.value.remedy
        assert await capture(device, board, Capture(device.stored.train, 0, 0, 0))
        await goes_on(device)

    go(action)


def test_the_button_of_a_full_store(fake_boards: Path) -> None:
    """One red flash, and no sample more."""
    board = FakeBoard(fake_boards / "fake_bluefruit.so")

    async def action() -> None:
        device = await meet(board, "serial", VISIT)
        assert (await capture(device, board, Capture(0, CAPACITY, 0, 0))).count == CAPACITY
        await device.close()

    go(action)
    board.set("button", 1)
    board.step(100)
    board.set("button", 0)
    colours = set()
    for _ in range(100):
        board.step()
        colours.add(board.get("colour"))
    assert RED in colours
    assert board.get("train") == CAPACITY


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("spoil", [FakeBoard.spoil_flash, FakeBoard.flip_flash])
def test_flash_that_is_corrupt_at_boot(
    switch_on: Callable[..., FakeBoard], spoil: Callable[[FakeBoard, int], None], seed: int
) -> None:
    """Every byte of the store is noise, or one bit of a page: as good as blank, and the next image is kept."""

    async def action() -> None:
        board = switch_on()
        device = await meet(board, "serial")
        await device.provision(samples())
        await device.ask(Kind.SAVE, b"", Kind.SAVED)
        await device.close()
        spoil(board, seed)
        board = switch_on()
        assert board.get("train") == 0
        device = await meet(board, "serial")
        await goes_on(device)
        device = await meet(board, "serial", VISIT)
        await device.ask(Kind.SAVE, b"", Kind.SAVED)
        await device.close()
        assert switch_on().get("train") == 24

    go(action)


def test_a_label_out_of_range(switch_on: Callable[..., FakeBoard]) -> None:
    async def action() -> None:
        board = switch_on()
        device = await meet(board, "serial")
        good = samples()
        bad = Samples("features", good.train_x, np.full(24, C, np.uint8), good.test_x, good.test_y, 0.02, -3)
        with pytest.raises(BoardError, match="E_BOARD_BAD_LABEL") as refused:
            await device.provision(bad)
        assert "more classes" in refused.value.remedy
        with pytest.raises(BoardError, match="E_BOARD_BAD_LABEL"):
            await capture(device, board, Capture(device.stored.train, 1, C, 0))
        await goes_on(device)

    go(action)


def test_a_host_of_another_protocol_version(
    switch_on: Callable[..., FakeBoard], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def action() -> None:
        device = await meet(switch_on(), "serial")
        monkeypatch.setattr(session_module, "PROTOCOL_VERSION", PROTOCOL_VERSION + 1)
        with pytest.raises(ProtocolError, match="E_VERSION") as refused:
            await device.connect(2)
        assert "Flash" in refused.value.remedy
        monkeypatch.undo()
        await goes_on(device)

    go(action)
