"""The Nano with the real ArduinoBLE, under ASan and UBSan, and late acknowledgements: see arduinoble_bed.py."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip("bumble", reason="no bumble: pip install 'bytefed[ble-sim]'")

from arduinoble_bed import Nano, build, nano
from bumble.link import LocalLink
from bumble_bed import PacedLink

from bytefed.errors import BytefedError, LinkError
from bytefed.protocol.header import control_frame
from bytefed.protocol.message import Kind
from bytefed.runs.directory import new_run
from bytefed.transport.ble import BleTransport

CUTS = int(os.environ.get("BYTEFED_CUTS", "8"))
"""Links to lose in a test; a thousand take a quarter of an hour."""
SEED = int(os.environ.get("BYTEFED_CUT_SEED", "1"))


@pytest.fixture(scope="module")
def boards() -> Path:
    return build()


@pytest.fixture(autouse=True)
def _no_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus")
    monkeypatch.delenv("BYTEFED_RESET", raising=False)


def go(
    program: Path,
    folder: Path,
    action: Callable[[Nano], Awaitable[None]],
    *,
    seconds: float = 300,
    link: LocalLink | None = None,
) -> None:
    async def limited() -> None:
        async with asyncio.timeout(seconds), nano(program, folder, link) as board:
            await action(board)

    asyncio.run(limited())


def test_every_check_but_the_extractor_s(boards: Path, checks: ModuleType, tmp_path: Path) -> None:
    """The extractor is that of tests/arduino, so golden features are not its."""

    async def action(board: Nano) -> None:
        for name, check in checks.CHECKS.items():
            if name == "golden features":
                continue
            device = board.device()
            try:
                note = await check(device)
                print(f"{name}: {note}")  # noqa: T201
                assert "more than estimated" not in note, name
            except pytest.skip.Exception as why:
                assert name == "keeps all through a reset", f"{name}: {why}"
            await device.close()
            board.check()

    go(boards / "nano", tmp_path, action)


def test_links_that_are_lost_again_and_again(boards: Path, checks: ModuleType, tmp_path: Path) -> None:
    """Each is lost at another moment of a round, with packets under way; each round is made, and counts."""
    moments = random.Random(SEED)

    async def action(board: Nano) -> None:
        device, rounds = board.device(), 0
        await device.connect(new_run())
        await device.provision(checks.features(device))
        first = device.connections
        while device.connections - first < CUTS:
            rounds += 1
            task = asyncio.create_task(checks.round_(device, rounds))
            await asyncio.sleep(moments.uniform(0, 0.25))
            board.cut()
            assert (await task).delta is not None
            board.check()
        print(f"{device.connections - first} links lost in {rounds} rounds")  # noqa: T201
        await device.close()

    link = PacedLink(interval=0.0075, packets=6)
    go(boards / "nano", tmp_path, action, seconds=60 + 10 * CUTS, link=link)


def test_strangers(boards: Path, checks: ModuleType, tmp_path: Path) -> None:
    """The next central inherits no session, and is let go when it opens none: each was otherwise before."""

    async def action(board: Nano) -> None:
        device = board.device()
        await device.connect(new_run())
        board.cut()
        await device.close()
        stranger = BleTransport(board.central, board.name)
        async with asyncio.timeout(20):
            await stranger.open()
            came = time.monotonic()
            await stranger.write(control_frame(Kind.STORE, 9))
            assert (await stranger.read())[0] == Kind.ERROR
            with pytest.raises(LinkError, match="E_LINK_LOST"):
                await stranger.read()
        assert 9 < time.monotonic() - came < 15
        await stranger.close()
        await asyncio.sleep(
            1
        )  # this air is faster than any: ArduinoBLE would wipe out who comes while it disconnects
        await device.connect(new_run())  # it advertises again
        await device.close()
        board.check()

    go(boards / "nano", tmp_path, action)


def test_why_the_library_s_own_transport_does_not_do(
    boards: Path, checks: ModuleType, tmp_path: Path
) -> None:
    """It loses acknowledgements, and waits for them for ever. Once it does not, ours can go."""

    async def action(board: Nano) -> None:
        device = board.device()
        with pytest.raises((BytefedError, TimeoutError)):
            async with asyncio.timeout(20):
                await device.connect(new_run())
                await device.provision(checks.features(device))
        async with asyncio.timeout(20):
            await board.process.wait()
        assert board.stuck

    go(boards / "nano_own_transport", tmp_path, action)
