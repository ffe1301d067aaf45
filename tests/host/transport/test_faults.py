"""A link with faults: what is asked for happens, at the rate asked for, and the port counts as promised."""

import asyncio
import random

import pytest

from bytefed.errors import ConfigError, LinkError
from bytefed.protocol.direction import Direction
from bytefed.protocol.serial_frame import encode_serial_frame
from bytefed.transport.faults import Faults, FaultyTransport, FrameCutter, Piece, RandomFaults, with_faults
from bytefed.transport.inbox import Inbox

FRAME = encode_serial_frame(bytes(range(1, 31)))


class Echo:
    """A transport whose other end sends everything back."""

    uri, framing, frame_limit, rto_floor = "echo:", "serial", 250, 2.0

    def __init__(self):
        self.sent = self.received = 0
        self.inbox = Inbox()

    async def open(self):
        self.inbox = Inbox()

    async def write(self, data):
        self.sent += len(data)
        self.received += len(data)
        self.inbox.put(data)

    async def read(self):
        return await self.inbox.get()

    async def close(self):
        pass


class Scripted:
    """Uplink frames become what the script says."""

    def __init__(self, *script):
        self.script = list(script)

    def pieces(self, direction, frame):
        return self.script.pop(0) if direction is Direction.UP and self.script else [Piece(frame)]


def test_a_specification_is_read():
    assert Faults.parse("drop=0.01,corrupt=0.001,seed=7") == Faults(drop=0.01, corrupt=0.001, seed=7)
    assert Faults.parse("") == Faults()
    assert Faults.parse(" delay=0.5, cut_at=100 ") == Faults(delay=0.5, cut_at=100)


def test_what_is_told_of_faults_has_the_seed_and_can_be_read_again():
    assert str(Faults.parse("drop=0.01")) == "drop=0.01,seed=0"
    for text in ("seed=7,hold=2,drop=0.25,cut_at=3", "throttle=11520", "seed=123456789012"):
        assert Faults.parse(str(Faults.parse(text))) == Faults.parse(text)


@pytest.mark.parametrize(
    "text", ["lose=0.1", "drop", "drop=x", "drop=1.5", "drop=-1", "drop=nan", "seed=1.5", "delay=inf"]
)
def test_a_specification_that_is_none(text):
    with pytest.raises(ConfigError, match="E_CONFIG_FAULTS"):
        Faults.parse(text)


@pytest.mark.parametrize("name", ["drop", "corrupt", "duplicate", "reorder", "garbage", "stall", "cut"])
def test_a_probability_is_a_rate(name):
    source = RandomFaults(Faults(**{name: 0.1}, seed=3), "link", stream=True)
    changed = sum(source.pieces(Direction.DOWN, FRAME) != [Piece(FRAME)] for _ in range(5000))
    assert source.injected[name] == pytest.approx(500, abs=100)  # 4.7 standard deviations
    assert changed == pytest.approx(source.injected[name], abs=20)  # noise may equal what it replaces


def test_the_same_seed_gives_the_same_faults():
    def draw(seed, name):
        source = RandomFaults(Faults(drop=0.2, corrupt=0.2, delay=1.0, seed=seed), name, stream=True)
        return [source.pieces(direction, FRAME) for direction in Direction for _ in range(50)]

    assert draw(1, "a") == draw(1, "a")
    assert draw(1, "a") != draw(2, "a")
    assert draw(1, "a") != draw(1, "b")


def test_the_cutter_loses_nothing():
    rng = random.Random(1)
    frames = [encode_serial_frame(rng.randbytes(rng.randint(2, 250))) for _ in range(300)]
    frames += [encode_serial_frame(rng.randbytes(60 - 0)) for _ in range(5)]  # two delimiters
    stream, cutter, out = b"".join(frames) + b"\1\0", FrameCutter(), []
    while stream:
        step = rng.randint(1, 90)
        out += cutter.push(stream[:step])
        stream = stream[step:]
    assert out == [*frames, b"\1\0"]


def carried(source, count=1, throttle=0.0, write=FRAME):
    """Return the frames that arrive through an echo, and the transport."""

    async def main():
        link = FaultyTransport(Echo(), source, throttle=throttle)
        await link.open()
        arrived = b""
        try:
            for _ in range(count):
                await link.write(write)
            while True:
                arrived += await asyncio.wait_for(link.read(), 0.2)
        except (TimeoutError, LinkError) as error:
            return arrived, link, error
        finally:
            await link.close()

    return asyncio.run(main())


def test_the_port_counts_what_the_host_gives_and_gets():
    arrived, link, _ = carried(Scripted([], [Piece(FRAME[:7])], [Piece(FRAME), Piece(FRAME)]), count=3)
    assert link.sent == 3 * len(FRAME)
    assert arrived == FRAME[:7] + 2 * FRAME
    assert link.received == len(arrived)


def test_what_is_late_stays_in_order_unless_it_is_overtaken():
    other = encode_serial_frame(b"\x01\x02\x03")
    arrived, _, _ = carried(Scripted([Piece(FRAME, 0.02)], [Piece(other)]), count=2)
    assert arrived == FRAME + other
    arrived, _, _ = carried(Scripted([Piece(FRAME, 0.02, overtaken=True)], [Piece(other)]), count=2)
    assert arrived == other + FRAME


def test_a_cut_link_says_so_and_can_be_opened_again():
    async def main():
        link = with_faults(Echo(), Faults(cut_at=10))
        await link.open()
        await link.write(FRAME)
        with pytest.raises(LinkError, match="E_LINK_LOST"):
            while True:
                await link.read()
        with pytest.raises(LinkError, match="E_LINK_LOST"):
            await link.write(FRAME)
        await link.close()
        await link.open()
        await link.write(FRAME)
        assert await link.read() == FRAME
        await link.close()

    asyncio.run(main())


def test_a_closed_link_takes_nothing():
    async def main():
        link = with_faults(Echo(), Faults())
        for action in (link.write(FRAME), link.read()):
            with pytest.raises(LinkError, match="E_LINK_LOST"):
                await action

    asyncio.run(main())
