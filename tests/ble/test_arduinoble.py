"""The Nano with the real ArduinoBLE, under ASan and UBSan, and late acknowledgements: see arduinoble_bed.py."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from bleak import BleakError

pytest.importorskip("bumble", reason="no bumble: pip install '.[ble-sim]'")

from arduinoble_bed import Nano, build, nano
from bumble.link import LocalLink
from bumble_bed import PacedLink

from bytefed.device.plan import TrainingPlan
from bytefed.device.watch import Watch, Way, stop
from bytefed.errors import BytefedError, LinkError
from bytefed.protocol.header import control_frame
from bytefed.protocol.message import VISIT, Kind
from bytefed.runs.numbers import new_run
from bytefed.transport.ble import PHONES_UUID, TX_UUID, BleTransport

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


def test_a_phone_reads_what_a_host_opened_and_nothing_else(
    boards: Path, checks: ModuleType, tmp_path: Path
) -> None:
    async def read(board: Nano, uuid: str) -> str:
        await asyncio.sleep(1)  # as above
        phone = await board.central.connect(board.name, lambda _: None)
        try:
            return bytes(await phone.read_gatt_char(uuid)).decode()
        finally:
            await phone.disconnect()

    async def action(board: Nano) -> None:
        device = board.device()
        await device.connect(new_run())
        head = np.linspace(-0.5, 0.5, device.board.features * device.board.classes + device.board.classes)
        plan = TrainingPlan("float32", "float32", epochs=1, batch=8, rate=0.05, seed=1)
        await device.train(device.plan_round(1, head.astype(np.float32), plan, train=False))
        await device.close()
        for uuid in (
            PHONES_UUID,
            TX_UUID,
        ):  # of an empty value, the library says that it ends before it begins
            with pytest.raises(BleakError):
                await read(board, uuid)
        await device.connect(VISIT)
        watch = Watch(device, Way(alone=True, phones=True))
        said = await anext(watch)
        await device.close()
        label, certain = (await read(board, PHONES_UUID)).split()
        assert 0 <= int(label) < device.board.classes and 0 < int(certain.removesuffix("%")) <= 100
        assert said.confidence > 0
        await asyncio.sleep(1)
        phone = await board.central.connect(board.name, lambda _: None)
        heard: asyncio.Queue[bytes] = asyncio.Queue()
        await phone.start_notify(PHONES_UUID, lambda _, value: heard.put_nowait(bytes(value)))
        texts = [(await heard.get()).decode() for _ in range(3)]
        assert all(text.endswith("%") for text in texts)
        await phone.disconnect()
        await asyncio.sleep(1)
        await device.connect(VISIT)
        await stop(device)
        await device.close()
        with pytest.raises(BleakError, match="INVALID_OFFSET"):
            await read(board, PHONES_UUID)
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
