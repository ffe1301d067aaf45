"""Faults on exact images over USB, by seed: power cuts, resets, the watchdog, closed ports, a host that does not read.

Each trial is a run of its own on a board that has samples and has saved them. A fault strikes in the middle of a
round, or of a save; then the board must answer again, hold all that it held, and finish the round with the bits that
the host's core computes. Asked once more by a host that remembers nothing, it gives the same delta and trains nothing
twice; and a second round follows. What the air does to packets is in radio_campaign.py.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
import traceback
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "boards"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "host"))

from booked_device import run_round
from checks import TEST, TRAIN, anew, check_delta, features, head, plan

from bytefed.boards.nrf52840.builds import find_build
from bytefed.boards.nrf52840.emulator import Chip, EmulatedTransport, Emulator, emulated_board
from bytefed.boards.nrf52840.watermarks import Watermarks
from bytefed.device.device import Device
from bytefed.device.plan import RoundReply
from bytefed.errors import BoardError, BytefedError, LinkError
from bytefed.protocol.message import Kind
from bytefed.runs.numbers import new_run

PATIENCE = 300.0
"""Seconds until a board must answer again. The emulator may be much slower than a board."""

CODECS = ("float32", "onebit")


class Orders(Protocol):
    """The control channel of an emulator."""

    async def ask(self, **request: object) -> Mapping[str, Any]:
        """Give an order and return the answer."""


@dataclass
class Bench:
    """A board under fire.

    Attributes:
        emulator: Gives orders to the emulator of the board.
        device: The board's host.
        crc: CRC-32 of the samples that it holds.
        random: What decides when a fault strikes.
        round_work: Instructions of a round without faults.
        save_work: Erases and words of flash of a save without faults.
        round_bytes: Bytes both ways of a round without faults.
    """

    emulator: Orders
    device: Device
    crc: int
    random: random.Random
    round_work: int = 0
    save_work: int = 0
    round_bytes: int = 0


Fault = Callable[[Bench, "asyncio.Task[object]"], Awaitable[str]]


async def cut_power_in_a_save(bench: Bench, work: asyncio.Task[object]) -> str:
    """Cut the power while a word of flash is written, or a page erased, in the middle of a save."""
    place, before = bench.random.randrange(bench.save_work), await resets(bench)
    await bench.emulator.ask(do="power-cut", at_flash_word=place)
    with suppress(LinkError, BoardError):
        async with asyncio.timeout(PATIENCE):
            await bench.device.ask(Kind.SAVE, b"", Kind.SAVED)
    if await resets(bench) > before:
        return f"at flash operation {place}"
    await bench.emulator.ask(do="power-cut")  # the save was shorter
    return f"after a save of less than {place} operations"


async def resets(bench: Bench) -> int:
    """The number of times that the chip has started."""
    return int((await bench.emulator.ask(do="statistics"))["resets"])


async def _at_an_instruction(bench: Bench, work: asyncio.Task[object], **order: str) -> str:
    """Give an order that strikes at some instruction; return when it has, if need be later than in this round."""
    place, before = bench.random.randrange(bench.round_work), await resets(bench)
    await bench.emulator.ask(**order, at_instruction=place)
    await work
    while await resets(bench) == before:
        with suppress(LinkError):
            await bench.device.close()
            await bench.device.connect(bench.device.run)
    return f"at instruction {place}"


async def reset_by_pin(bench: Bench, work: asyncio.Task[object]) -> str:
    """Pull the reset pin at some instruction of a round."""
    return await _at_an_instruction(bench, work, do="reset", kind="pin")


async def reset_by_watchdog(bench: Bench, work: asyncio.Task[object]) -> str:
    """Let the watchdog bite at some instruction of a round."""
    return await _at_an_instruction(bench, work, do="reset", kind="watchdog")


async def cut_power(bench: Bench, work: asyncio.Task[object]) -> str:
    """Cut the power at some instruction of a round."""
    return await _at_an_instruction(bench, work, do="power-cut")


async def close_port(bench: Bench, work: asyncio.Task[object]) -> str:
    """Close the port after some byte of a round, in either direction."""
    transport = bench.device.transport
    place = bench.random.randrange(bench.round_bytes)
    start = transport.sent + transport.received
    while transport.sent + transport.received < start + place and not work.done():
        await asyncio.sleep(0)
    await transport.close()
    return f"after {place} bytes"


async def stop_reading(bench: Bench, work: asyncio.Task[object]) -> str:
    """Let the host's USB take nothing from the board for a while, somewhere in a round."""
    before, pause = bench.random.uniform(0, 0.3), 3.0 * 10 ** bench.random.uniform(-2, 0)
    await asyncio.sleep(before)
    await bench.emulator.ask(do="stop-reading")
    await asyncio.sleep(pause)
    await bench.emulator.ask(do="read-again")
    return f"{pause:.2f} s, {before:.2f} s after the start"


FAULTS: dict[str, Fault] = {
    "power cut in a save": cut_power_in_a_save,
    "power cut": cut_power,
    "pin reset": reset_by_pin,
    "watchdog": reset_by_watchdog,
    "port closed": close_port,
    "reader that stops": stop_reading,
}


async def round_(device: Device, number: int, codec: str = "float32") -> RoundReply:
    """One round with all samples, whose head goes down whole: the same to a host that remembers nothing."""
    return await run_round(device, number, head(device, number), replace(plan(), codec_up=codec))


async def connect(device: Device, run: int) -> None:
    """Connect, however long the board needs to come back."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            await device.close()
            await device.connect(run)
        except LinkError:
            assert time.monotonic() < end, "the board does not answer any more"
            await asyncio.sleep(0.2)
        else:
            return


async def round_whatever_happens(device: Device, run: int, number: int, codec: str) -> RoundReply:
    """Ask for a round until there is a reply."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return await round_(device, number, codec)
        except LinkError:
            assert time.monotonic() < end, "the round does not end"
            await connect(device, run)


async def measure(bench: Bench, emulator: Emulator) -> None:
    """Measure a round and a save without faults."""
    device = bench.device
    before, bytes_before = await emulator.watermarks(), device.transport.sent + device.transport.received
    await round_(device, 1)
    between = await emulator.watermarks()
    bench.round_work = between.instructions - before.instructions
    bench.round_bytes = device.transport.sent + device.transport.received - bytes_before
    await device.ask(Kind.SAVE, b"", Kind.SAVED)
    await round_(device, 2)
    between = await emulator.watermarks()
    await device.ask(Kind.SAVE, b"", Kind.SAVED)
    after: Watermarks = await emulator.watermarks()
    bench.save_work = after.erases + after.words - between.erases - between.words
    assert bench.save_work > 0, "this board saves nothing"


async def trial(bench: Bench, fault: Fault) -> str:
    """One fault, and all that must hold afterwards; return where it struck."""
    device, run, codec = bench.device, new_run(), bench.random.choice(CODECS)
    await connect(device, run)
    assert holds(device, bench.crc), "what a board holds is gone before the fault"
    work = asyncio.ensure_future(round_whatever_happens(device, run, 1, codec))
    try:
        if fault is cut_power_in_a_save:
            await work
        where = await fault(bench, work)
        reply = await work
    finally:
        work.cancel()
    await connect(device, run)
    assert holds(device, bench.crc), f"{where}: the store is not what was saved"
    if fault is cut_power_in_a_save:
        reply = await round_whatever_happens(device, run, 1, codec)
    check_delta(device, reply, codec, 1)
    other = await anew(device, run)
    again = await round_(other, 1, codec)
    check_delta(other, again, codec, 1)
    assert again.delta.tobytes() == reply.delta.tobytes()
    assert again.num_examples == TRAIN
    second = await round_(other, 2)
    if codec == "float32":  # onebit's error goes on into the next round
        check_delta(other, second, codec, 2)
    await other.close()
    return where


async def failure(bench: Bench, fault: Fault, name: str, said: Callable[[str], None]) -> str:
    """Make a trial and say how it went; return why it failed, "" if it did not."""
    try:
        where = await trial(bench, fault)
    except (AssertionError, BytefedError, OSError) as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        why = f"{name}: {error} ({place.name}, line {place.lineno}: {place.line})"
        said(f"WRONG: {why}")
        return why
    said(f"{name}: {where}: well")
    return ""


def holds(device: Device, crc: int) -> bool:
    """Return True if a connected board holds all samples."""
    return (device.stored.train, device.stored.test, device.stored.crc) == (TRAIN, TEST, crc)


async def first_boots(what: str, trials: Sequence[int], seed: int, said: Callable[[str], None]) -> list[str]:
    """Cut the power while new boards prepare their flash; return which did not work afterwards, and why.

    Args: as `campaign`.
    """
    work, why = await _first_boot(what, seed & 0xFFFF, None)  # says how much there is to do
    if why:
        return [f"without a fault: {why}"]
    wrong: list[str] = []
    for number in trials:
        place = random.Random(f"{seed} first boot {number}").randrange(work)
        _, why = await _first_boot(what, number, place)
        said(f"first boot {number}: at flash operation {place}: {'WRONG: ' if why else 'well'}{why}")
        wrong += [f"{number}: at flash operation {place}: {why}"] if why else []
    return wrong


async def _first_boot(what: str, uid: int, place: int | None) -> tuple[int, str]:
    """Boot a new board, cut its power at an operation of its flash, and try it: operations, why it does not work."""
    async with emulated_board(find_build(what), what, Chip(uid)) as emulator:
        if place is not None:
            await emulator.ask(do="power-cut", at_flash_word=place)
        device = Device(EmulatedTransport(emulator))
        try:
            await emulator.enumerated()
            await connect(device, new_run())
            await device.provision(features(device))
            reply = await round_whatever_happens(device, device.run, 1, "float32")
            check_delta(device, reply, "float32", 1)
        except (AssertionError, LinkError, BoardError) as error:
            return 0, str(error) or repr(error)
        finally:
            await device.close()
        marks = await emulator.watermarks()
        return marks.erases + marks.words, ""


async def campaign(
    what: str, names: Sequence[str], trials: Sequence[int], seed: int, said: Callable[[str], None]
) -> dict[str, list[str]]:
    """Run trials of each kind of fault on one image; return what went wrong, by kind.

    Args:
        what: Environment or ELF of the image.
        names: Kinds of faults, in turn.
        trials: Their numbers, of which the seed makes where each strikes.
        seed: Seed of everything that is random.
        said: Called with a line for each trial.
    """
    wrong: dict[str, list[str]] = {name: [] for name in names}
    waiting = deque((number, name) for number in trials for name in names)
    while waiting:  # a board that has failed a trial is switched off, and a new one takes its place
        async with prepared_board(what, seed) as bench:
            failed = ""
            while waiting and not failed:
                number, name = waiting.popleft()
                bench.random = random.Random(f"{seed} {name} {number}")
                failed = await failure(bench, FAULTS[name], f"{name} {number}", said)
                wrong[name] += [failed] if failed else []
    return wrong


@asynccontextmanager
async def prepared_board(what: str, seed: int) -> AsyncIterator[Bench]:
    """Switch a board on that has samples and has saved them, and measure it."""
    async with emulated_board(find_build(what), what, Chip(seed & 0xFFFF)) as emulator:
        await emulator.enumerated()
        device = Device(EmulatedTransport(emulator))
        await connect(device, new_run())
        await device.provision(features(device))
        bench = Bench(emulator, device, device.stored.crc, random.Random(seed))
        await measure(bench, emulator)
        yield bench
        await device.close()
