"""The Nano erases pages of flash only while its radio pauses: Mbed's BLE controller can't stand late interrupts within
a connection event (DESIGN.md, "Decisions about boards"), and an erase stops the processor for 85 ms.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fake_board import FakeBoard
from test_app import go, meet, samples, train

from bytefed.errors import BoardError
from bytefed.protocol.message import Kind

SIGNS = range(4)  # how a radio that is in use shows it: RadioSign in fake/common/world.h
NEVER_PAUSES = 1_000_000_000  # ms
pytestmark = pytest.mark.usefixtures("blank_flash")


@pytest.fixture
def switch_on(fake_boards: Path) -> Callable[..., FakeBoard]:
    def on(**world: int) -> FakeBoard:
        return FakeBoard(fake_boards / "fake_nano.so", **world)

    return on


@pytest.mark.parametrize("sign", SIGNS)
def test_pages_are_erased_between_connection_events(switch_on: Callable[..., FakeBoard], sign: int) -> None:
    """Events of 12 ms, every 30 ms."""

    async def action() -> None:
        board = switch_on(radio_sign=sign)
        board.spoil_flash(1)  # no page is blank
        device = await meet(board, "serial")
        await device.provision(samples())
        for _ in range(200):
            board.set("radio_until", board.get("now") + 12)
            board.step(30)
        assert board.get("flash_erasures") > 0
        assert board.get("unsafe_erasures") == 0
        await device.close()
        assert switch_on().get("train") == 24

    go(action)


@pytest.mark.parametrize("sign", SIGNS)
def test_a_radio_that_never_pauses_puts_a_save_off(switch_on: Callable[..., FakeBoard], sign: int) -> None:
    async def action() -> None:
        board = switch_on(radio_sign=sign, radio_until=NEVER_PAUSES)
        board.spoil_flash(1)
        device = await meet(board, "serial")
        await device.provision(samples())
        asked = board.get("now")
        with pytest.raises(BoardError, match="E_BOARD_STORAGE_FAILED"):
            await device.ask(Kind.SAVE, b"", Kind.SAVED)
        assert 100 <= board.get("now") - asked < 200
        assert (await train(device)).delta is not None
        assert board.get("flash_erasures") == 0
        board.set("radio_until", 0)
        await device.ask(Kind.SAVE, b"", Kind.SAVED)
        assert board.get("flash_erasures") > 0
        assert board.get("unsafe_erasures") == 0
        await device.close()
        assert switch_on().get("train") == 24

    go(action)
