"""Every transport keeps the promises of transport/base.py.

A bed puts a board behind a transport. The tests of the promises use a board that echoes what it receives; the last test
runs rounds with the firmware's core.
"""

from __future__ import annotations

import asyncio
import os
import pty
import select
import shutil
import sys
import threading
import tty
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from typing import Any

import numpy as np
import pytest
from booked_device import BookedDevice

from bytefed._core import VirtualBoard
from bytefed.boards.loopback import LoopbackTransport
from bytefed.device.plan import Samples, TrainingPlan
from bytefed.errors import LinkError
from bytefed.transport import Transport, serial
from bytefed.transport.serial import SerialTransport

PATIENCE = 60.0  # seconds; nothing here waits for long unless something is wrong
Cut = Callable[[], Awaitable[None]]


class EchoBoard:
    """Says back whatever it is told."""

    senses = False

    def __init__(self) -> None:
        self._bytes = b""
        self._frames: list[bytes] = []

    def set_millis(self, millis: int) -> None:
        pass

    def feed(self, data: bytes) -> None:
        self._bytes += data

    def take(self) -> bytes:
        data, self._bytes = self._bytes, b""
        return data

    def feed_frame(self, frame: bytes) -> None:
        self._frames.append(frame)

    def take_frames(self) -> list[bytes]:
        frames, self._frames = self._frames, []
        return frames

    def poll(self, limit: int = 256) -> bool:
        return False

    def disconnect(self) -> None:
        pass


# ---- Beds


@contextmanager
def _served(descriptor: int, board: Any) -> Iterator[None]:
    """Let a thread be the board behind a descriptor."""
    stop_reading, stop_writing = os.pipe()

    def serve() -> None:
        with suppress(OSError):
            while True:
                ready, _, _ = select.select([descriptor, stop_reading], [], [])
                if stop_reading in ready or not (data := os.read(descriptor, 4096)):
                    return
                board.feed(data)
                busy = True
                while busy:
                    busy = board.poll()
                    answer = board.take()
                    while answer:
                        answer = answer[os.write(descriptor, answer) :]

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        os.write(stop_writing, b"x")
        thread.join()
        os.close(stop_reading)
        os.close(stop_writing)


@asynccontextmanager
async def pty_bed(board: Any) -> AsyncIterator[tuple[Transport, Cut | None]]:
    master, slave = pty.openpty()
    tty.setraw(slave)
    transport = SerialTransport(os.ttyname(slave), rto_floor=10.0)
    serving = _served(master, board)
    serving.__enter__()
    alive = True

    async def cut() -> None:
        nonlocal alive
        alive = False
        serving.__exit__(None, None, None)
        os.close(slave)
        os.close(master)

    try:
        yield transport, cut
    finally:
        await transport.close()
        if alive:
            await cut()


@asynccontextmanager
async def socket_bed(board: Any) -> AsyncIterator[tuple[Transport, Cut | None]]:
    ends: list[asyncio.StreamWriter] = []
    accepted = asyncio.Semaphore(0)
    serving: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends.append(writer)
        accepted.release()
        with suppress(OSError):
            while data := await reader.read(4096):
                board.feed(data)
                busy = True
                while busy:
                    busy = board.poll()
                    writer.write(board.take())
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.append(asyncio.ensure_future(serve(reader, writer)))

    async def cut() -> None:
        ends[-1].transport.abort()

    async with await asyncio.start_server(on_connection, "127.0.0.1", 0) as server:
        url = f"socket://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        transport = _AcceptedTransport(url, accepted)
        yield transport, cut
        await transport.close()
        await asyncio.gather(*serving)


class _AcceptedTransport(SerialTransport):
    """Open only when the far end knows it, too."""

    def __init__(self, url: str, accepted: asyncio.Semaphore) -> None:
        super().__init__(url, uri=url, rto_floor=10.0)
        self._accepted = accepted

    async def open(self) -> None:
        await super().open()
        await self._accepted.acquire()


@asynccontextmanager
async def loopback_bed(board: Any, framing: Any) -> AsyncIterator[tuple[Transport, Cut | None]]:
    transport = LoopbackTransport(board, framing=framing)
    yield transport, None
    await transport.close()


@asynccontextmanager
async def ble_bed(board: Any) -> AsyncIterator[tuple[Transport, Cut | None]]:
    from bytefed.boards.bluetooth.virtual_ble import peripherals, virtual_radio
    from bytefed.transport.ble import BleTransport, system_central

    near = peripherals([board])
    async with virtual_radio(near) as bluez:
        device = bluez.devices[near[0].address]
        transport = BleTransport(system_central(), near[0].address, rto_floor=10.0)

        async def cut() -> None:
            device.disconnect()

        yield transport, cut
        await transport.close()


# ---- The promises


class TransportConformance:
    """Subclassed by every transport."""

    def bed(self, board: Any) -> AbstractAsyncContextManager[tuple[Transport, Cut | None]]:
        raise NotImplementedError

    def run(
        self, test: Callable[[Transport, Cut | None], Coroutine[Any, Any, None]], board: Any = None
    ) -> None:
        async def within_bed() -> None:
            async with asyncio.timeout(PATIENCE), self.bed(board or EchoBoard()) as (transport, cut):
                await test(transport, cut)

        asyncio.run(within_bed())

    async def collect(self, transport: Transport, count: int) -> list[bytes]:
        """Read until that many bytes are there."""
        pieces: list[bytes] = []
        while sum(map(len, pieces)) < count:
            pieces.append(await transport.read())
            assert pieces[-1], "read gave nothing"
        return pieces

    def test_knows_its_frame_limit_once_open(self) -> None:
        async def test(transport: Transport, _: Cut | None) -> None:
            await transport.open()
            assert 20 <= transport.frame_limit <= 250

        self.run(test)

    def test_carries_everything_in_order_and_counts_it(self) -> None:
        async def test(transport: Transport, _: Cut | None) -> None:
            await transport.open()
            limit = transport.frame_limit
            rng = np.random.default_rng(7)
            frames = [rng.bytes(int(n)) for n in rng.integers(1, limit + 1, 60)] + [bytes(limit)]
            total = sum(map(len, frames))
            reading = asyncio.ensure_future(self.collect(transport, total))
            for frame in frames:
                await transport.write(frame)
            pieces = await reading
            assert b"".join(pieces) == b"".join(frames)
            if transport.framing == "ble":
                assert pieces == frames, "a frame is one value"
            assert (transport.sent, transport.received) == (total, total)

        self.run(test)

    def test_a_cancelled_read_loses_nothing(self) -> None:
        async def test(transport: Transport, _: Cut | None) -> None:
            await transport.open()
            for patience in (0.0, 0.01, 0.05):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(transport.read(), patience)
            await transport.write(b"after all")
            assert b"".join(await self.collect(transport, 9)) == b"after all"

        self.run(test)

    def test_closing_wakes_the_reader(self) -> None:
        async def test(transport: Transport, _: Cut | None) -> None:
            await transport.open()
            reading = asyncio.ensure_future(transport.read())
            await asyncio.sleep(0.01)
            await transport.close()
            with pytest.raises(LinkError, match="E_LINK_LOST"):
                await reading

        self.run(test)

    def test_a_closed_link_says_so_and_closes_again_without_harm(self) -> None:
        async def test(transport: Transport, _: Cut | None) -> None:
            await transport.close()
            for _ in range(2):
                with pytest.raises(LinkError, match="E_LINK_LOST"):
                    await transport.write(b"x")
                with pytest.raises(LinkError, match="E_LINK_LOST"):
                    await transport.read()
                await transport.open()
                await transport.close()
                await transport.close()
            assert (transport.sent, transport.received) == (0, 0)

        self.run(test)

    def test_opens_again_and_counts_on(self) -> None:
        async def test(transport: Transport, _: Cut | None) -> None:
            for times in (1, 2, 3):
                await transport.open()
                await transport.write(b"hello")
                assert b"".join(await self.collect(transport, 5)) == b"hello"
                assert (transport.sent, transport.received) == (5 * times, 5 * times)
                await transport.close()

        self.run(test)

    def test_carries_rounds_at_the_estimated_bytes(self) -> None:
        rng = np.random.default_rng(3)
        samples = Samples(
            kind="features",
            train_x=rng.integers(-128, 128, (20, 16)).astype(np.int8),
            train_y=rng.integers(0, 4, 20).astype(np.uint8),
            test_x=rng.integers(-128, 128, (5, 16)).astype(np.int8),
            test_y=rng.integers(0, 4, 5).astype(np.uint8),
            scale=0.02,
            zero_point=0,
        )
        plan = TrainingPlan("float32", "float32", epochs=1, batch=8, rate=0.1, seed=1)

        async def test(transport: Transport, _: Cut | None) -> None:
            device = BookedDevice(transport)
            head = np.zeros(16 * 4 + 4, np.float32)
            await device.connect(run=9)
            await device.provision(samples)
            for number in (1, 2):
                reply = await device.run_round(number, head, plan)
                assert reply.delta is not None
                head = head + reply.delta
            assert np.abs(head).max() > 0
            counted, expected = device.take_bytes(), device.take_expected()
            assert counted == expected
            assert counted.wire_total == transport.sent + transport.received

        self.run(test, VirtualBoard(features=16, classes=4, uid=5, window=8))


class DyingLinkConformance(TransportConformance):
    """The promises of transports whose link can die by itself."""

    def test_a_link_that_dies_gives_first_what_had_arrived(self) -> None:
        async def test(transport: Transport, cut: Cut | None) -> None:
            assert cut is not None
            await transport.open()
            await transport.write(b"last words")
            while transport.received < 10:
                await asyncio.sleep(0.01)
            await cut()
            assert b"".join(await self.collect(transport, 10)) == b"last words"
            with pytest.raises(LinkError, match="E_LINK_LOST"):
                await transport.read()
            with pytest.raises(LinkError, match="E_LINK_LOST"):
                while True:  # the system may take some more before it notices
                    await transport.write(b"x" * 20)
                    await asyncio.sleep(0.01)

        self.run(test)


class ReturningLinkConformance(DyingLinkConformance):
    """The promises of transports whose lost link can come back at the same place."""

    def test_comes_back_after_the_link_died(self) -> None:
        async def test(transport: Transport, cut: Cut | None) -> None:
            assert cut is not None
            for _ in range(3):
                await transport.open()
                await cut()
                with pytest.raises(LinkError, match="E_LINK_LOST"):
                    await transport.read()
                await transport.close()
            await transport.open()
            await transport.write(b"back")
            assert b"".join(await self.collect(transport, 4)) == b"back"

        self.run(test)


class TestLoopbackSerial(TransportConformance):
    def bed(self, board: Any) -> AbstractAsyncContextManager[tuple[Transport, Cut | None]]:
        return loopback_bed(board, "serial")


class TestLoopbackBle(TransportConformance):
    def bed(self, board: Any) -> AbstractAsyncContextManager[tuple[Transport, Cut | None]]:
        return loopback_bed(board, "ble")


class TestSerialPolled(DyingLinkConformance):
    def bed(self, board: Any) -> AbstractAsyncContextManager[tuple[Transport, Cut | None]]:
        return pty_bed(board)


class TestSerialThreaded(DyingLinkConformance):
    """The serial transport as on Windows, where ports only block."""

    @pytest.fixture(autouse=True)
    def _no_descriptor(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(serial, "_has_descriptor", lambda device: False)

    def bed(self, board: Any) -> AbstractAsyncContextManager[tuple[Transport, Cut | None]]:
        return pty_bed(board)


class TestSocket(ReturningLinkConformance):
    def bed(self, board: Any) -> AbstractAsyncContextManager[tuple[Transport, Cut | None]]:
        return socket_bed(board)


@pytest.mark.skipif(sys.platform != "linux", reason="BlueZ, and so its fake, is on Linux only")
@pytest.mark.skipif(shutil.which("dbus-daemon") is None, reason="no dbus-daemon: apt install dbus")
class TestBleOverFakeBlueZ(ReturningLinkConformance):
    def bed(self, board: Any) -> AbstractAsyncContextManager[tuple[Transport, Cut | None]]:
        return ble_bed(board)
