"""The checks for real boards (tests/boards) on the boards' own app, a reset included."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import ModuleType
from typing import Literal

import pytest
from fake_board import FakeBoard

from bytefed.boards.loopback import LoopbackTransport
from bytefed.device import visit
from bytefed.device.device import Device

FAMILIES = ("nano", "bluefruit")


def library(fake_boards: Path, family: str) -> Path:
    return fake_boards / f"fake_{family}.so"


def switch_on(fake_boards: Path, family: str, framing: Literal["serial", "ble"]) -> Device:
    board = FakeBoard(library(fake_boards, family))
    if framing == "ble":
        board.connect()
    return Device(LoopbackTransport(board, framing=framing))  # type: ignore[arg-type]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("framing", ["serial", "ble"])
def test_every_check_but_the_extractor_s(
    fake_boards: Path, checks: ModuleType, family: str, framing: Literal["serial", "ble"],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The fakes have an extractor of their own, so golden features are not theirs."""
    monkeypatch.setattr(visit, "_PAUSE", 0.001)
    monkeypatch.delenv("BYTEFED_RESET", raising=False)

    async def action() -> None:
        device = switch_on(fake_boards, family, framing)
        for name, check in checks.CHECKS.items():
            if name == "golden features":
                continue
            fresh = Device(device.transport)
            try:
                async with asyncio.timeout(60):
                    assert await check(fresh), name
            except pytest.skip.Exception as why:
                assert name == "keeps all through a reset", f"{name}: {why}"
            await fresh.close()

    asyncio.run(action())


@pytest.mark.parametrize("family", FAMILIES)
def test_heap_memory_is_found_out(fake_boards: Path, checks: ModuleType, family: str) -> None:
    """It is found out when the extractor's library asks for some at each inference."""

    async def action() -> None:
        board = FakeBoard(library(fake_boards, family), extractor_allocates=1)
        device = Device(LoopbackTransport(board))  # type: ignore[arg-type]
        assert await checks.takes_no_heap_memory(device)
        await checks.captures(device)
        with pytest.raises(AssertionError, match="heap memory"):
            await checks.takes_no_heap_memory(device)
        await device.close()

    asyncio.run(action())


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("erased", [False, True])
def test_through_a_reset(fake_boards: Path, checks: ModuleType, family: str, erased: bool) -> None:
    """Power goes right after SAVE; a board whose flash is blank then is found out."""

    async def action() -> None:
        device = switch_on(fake_boards, family, "serial")
        transport = device.transport
        assert isinstance(transport, LoopbackTransport)
        await device.connect(9)
        await device.provision(checks.features(device))
        first = await checks.round_(device, 1)
        await device.ask(checks.Kind.SAVE, b"", checks.Kind.SAVED)
        await device.close()
        if erased:
            transport._board.erase_flash()  # type: ignore[attr-defined]
        transport._board = FakeBoard(library(fake_boards, family))  # type: ignore[assignment]
        # The fakes' noise is always the same, and so is their boot id: none is said to have been before.
        if erased:
            with pytest.raises(AssertionError):
                await checks.after_reset(device, first, None)
        else:
            assert await checks.after_reset(device, first, None)
        await device.close()

    async def limited() -> None:
        async with asyncio.timeout(60):
            await action()

    asyncio.run(limited())
