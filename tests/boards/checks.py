"""The checks for each board. A check takes a Device that is not connected and returns a note for the report.

It raises AssertionError or BytefedError if the board fails, and skips if there is nothing to check.
"""

from __future__ import annotations

import asyncio
import math
import os
import random
import time
from collections.abc import Awaitable, Callable
from typing import Literal

import numpy as np
import pytest
from booked_device import run_round
from numpy.typing import NDArray

from bytefed import _core, codec
from bytefed.boards.catalog import board_name, sensor_name
from bytefed.boards.describe import model_label
from bytefed.boards.nrf52840.emulator import EmulatedTransport
from bytefed.device.device import Device
from bytefed.device.labels import discard_all, set_labels
from bytefed.device.naming import model_of
from bytefed.device.plan import RoundReply, Samples, TrainingPlan
from bytefed.device.recording import Signal
from bytefed.device.visit import about
from bytefed.device.visit import capture as take_samples
from bytefed.device.watch import Watch, Way
from bytefed.errors import BoardError, LinkError
from bytefed.extractor.extractor import Extractor, golden_inputs
from bytefed.extractor.manifest import Manifest, model_folder
from bytefed.ledger.plan import planned_round
from bytefed.ledger.wire_size import CODECS
from bytefed.protocol.message import RAM_UNIT, VISIT, Capability, Kind
from bytefed.runs.numbers import new_run

SEED, EPOCHS, BATCH, RATE = 11, 2, 8, 0.05
TRAIN, TEST = 40, 8
SCALE, ZERO_POINT = 0.02, -3
PATIENCE = 120.0
"""Seconds that a person gets to press reset."""

Check = Callable[[Device], Awaitable[str]]


def features(device: Device) -> Samples:
    """Random ready features with every label, the same each time."""
    rng = np.random.default_rng(5)
    x = rng.integers(-128, 128, (TRAIN + TEST, device.board.features), dtype=np.int8)
    y = (np.arange(TRAIN + TEST) % device.board.classes).astype(np.uint8)
    return Samples("features", x[:TRAIN], y[:TRAIN], x[TRAIN:], y[TRAIN:], SCALE, ZERO_POINT)


def head(device: Device, seed: int = 3) -> NDArray[np.float32]:
    """A head of small numbers, the same for a seed."""
    D, C = device.board.features, device.board.classes
    return np.random.default_rng(seed).normal(0, 0.05, D * C + C).astype(np.float32)


def plan(name: str = "float32") -> TrainingPlan:
    """Return how to train, with that codec both ways."""
    return TrainingPlan(name, name, EPOCHS, BATCH, RATE, SEED)


def expected_delta(device: Device, name: str, start: NDArray[np.float32], number: int) -> NDArray[np.float32]:
    """The delta that this host's core makes in the first round of a run, through the codec and back."""
    samples, trained = features(device), start.copy()
    _core.train(
        trained, samples.train_x, samples.train_y, device.board.classes, scale=SCALE, zero_point=ZERO_POINT,
        epochs=EPOCHS, batch=BATCH, rate=RATE, seed=SEED, round=number,
    )  # fmt: skip
    seed = codec.uplink_seed(SEED, number)
    blob, _ = codec.find(name).encode(trained - start, seed)
    return codec.find(name).decode(blob, len(start), seed)


async def round_(device: Device, number: int, name: str = "float32") -> RoundReply:
    """One round with all samples; its delta counts."""
    return await run_round(device, number, head(device, number), plan(name))


def check_delta(device: Device, reply: RoundReply, name: str, number: int) -> None:
    """The bits of a delta are those of this host's core."""
    expected = expected_delta(device, name, reply.head, number)
    assert reply.delta is not None
    wrong = int((reply.delta.view(np.uint32) != expected.view(np.uint32)).sum())
    assert wrong == 0, f"{name}: {wrong} of {len(expected)} values differ from the host's core"


async def is_known(device: Device) -> str:
    """It answers HELLO, INFO, STORE and ABOUT."""
    await device.connect(VISIT)
    board, stored, details = device.board, device.stored, await about(device)
    assert stored.capacity >= TRAIN + TEST, f"a store of {stored.capacity} samples is too small to check"
    extractor = model_label(device) if board.capabilities & Capability.EXTRACTOR else "none"
    note = f"uid {device.name}; model {extractor}; head {board.features}x{board.classes}; "
    note += f"store {stored.capacity} samples; batch at most {stored.max_batch}; "
    note += f"frame limit {device.profile.frame_limit}, window {device.profile.window_down}"
    assert details is not None, "no answer to ABOUT: the firmware is too old"
    version = f"{details.version_major}.{details.version_minor}.{details.version_patch}"
    note += f"; {board_name(details.board)}, firmware {version}, RAM free {details.ram * RAM_UNIT:,} B"
    note += f", sensor {sensor_name(details.sensor)}, reset {details.reset}, saves {details.saves}"
    return note


async def keeps_samples(device: Device) -> str:
    """It stores what it is given, and says so by CRC-32."""
    await device.connect(new_run())
    samples = features(device)
    started = time.monotonic()
    await device.provision(samples)
    assert (device.stored.train, device.stored.test) == (TRAIN, TEST)
    assert device.stored.crc == samples.store_crc()
    return f"{TRAIN} + {TEST} samples in {time.monotonic() - started:.2f} s"


async def trains_with(device: Device, name: str) -> str:
    """Two rounds with a codec: the host's bits, and the bytes of the closed form."""
    await device.connect(new_run())
    await device.provision(features(device))
    first = await round_(device, 1, name)
    check_delta(device, first, name, 1)
    assert first.num_examples == TRAIN
    device.take_bytes()
    planned = device.plan_round(2, head(device, 2), plan(name))
    expected = planned_round(
        device.profile, planned.blobs, statistics=planned.statistics, configures=planned.configures
    )
    second = await round_(device, 2, name)
    counted = device.take_bytes()
    repeated = counted.retransmission + counted.probe + counted.junk
    note = f"{counted.wire_total:,} B a round, {second.seconds:.2f} s, trained {first.computing:.2f} s"
    if repeated:
        return f"{note}; {repeated:,} B more than estimated: the link lost frames"
    assert counted == expected, f"{name}: {counted.wire_total:,} B, estimated {expected.wire_total:,} B"
    return f"{note}; estimate exact"


def codec_checks() -> dict[str, Check]:
    """Return a check for each codec."""

    def check(name: str) -> Check:
        return lambda device: trains_with(device, name)

    return {f"trains, {name}": check(name) for name in CODECS}


def own_model(device: Device) -> str:
    """The name of the model that the board's extractor is."""
    if not device.board.capabilities & Capability.EXTRACTOR:
        pytest.skip("it has no extractor")
    known = model_of(device)
    assert known, f"this host has no model with the hash {device.board.model:08x}"
    return known[0]


def unlabelled(device: Device, inputs: NDArray[np.int8], kind: Literal["features", "inputs"]) -> Samples:
    """Samples of class 0 for training alone, with the meaning that the board's extractor gives features."""
    labels, meaning = np.zeros(len(inputs), np.uint8), Extractor.load(own_model(device)).quantization
    return Samples(kind, inputs, labels, inputs[:0], labels[:0], meaning.scale, meaning.zero_point)


async def extracts_the_golden_features(device: Device) -> str:
    """Its extractor gives the features that the manifest's golden CRC-32 is of."""
    await device.connect(new_run())
    name = own_model(device)
    golden, extractor = Manifest.load(model_folder(name)).document["golden"], Extractor.load(name)
    inputs = golden_inputs(golden["seed"], golden["n"], extractor.input_shape)
    made = extractor.extract(inputs)
    assert _core.crc32(made.tobytes()) == golden["features_crc32"], "this host's extractor is not sound"
    await device.provision(unlabelled(device, inputs, "inputs"))
    expected = unlabelled(device, made, "features").store_crc()
    assert device.stored.crc == expected, "its features are others than this host's"
    return f"{len(inputs)} inputs of model {name}, CRC-32 {golden['features_crc32']:08x}"


async def captures(device: Device) -> str:
    """It takes samples from its sensor, and trains on them."""
    run = new_run()
    await device.connect(run)
    if not device.board.capabilities & Capability.SENSOR:
        pytest.skip("it has no sensor, or a model that takes something else")
    shape = Manifest.load(model_folder(own_model(device))).input_shape
    # The stored features may have another scale than the extractor's: one input corrects that.
    await device.provision(unlabelled(device, np.zeros((1, *shape), np.int8), "inputs"))
    started = time.monotonic()
    asked, got = await take_samples(device, 1, 8.0, test=False)
    seconds = time.monotonic() - started
    assert got == asked
    device = await anew(device, run)
    reply = await round_(device, 1)
    await device.close()
    assert reply.delta is not None and reply.num_examples == 1 + got
    return f"{got} windows in {seconds:.1f} s, and a round on them"


async def is_used(device: Device) -> str:
    """A label more, a round of the larger head, and what its sensor tells: classified, and raw."""
    await device.connect(new_run())
    if not device.board.capabilities & Capability.SENSOR:
        pytest.skip("it has no sensor, or a model that takes something else")
    before = device.board.classes
    labels = await set_labels(device, [f"label {number}" for number in range(before + 1)])
    assert device.board.classes == before + 1
    await device.provision(features(device))
    reply = await round_(device, 1)
    check_delta(device, reply, "float32", 1)
    await device.release(counted=True)
    watch = Watch(device, Way(unknown=10))
    started = time.monotonic()
    predictions = [await anext(watch), await anext(watch)]
    seconds = time.monotonic() - started
    await watch.stop()
    assert predictions[1].window == predictions[0].window + 1
    assert all(p.likeliest <= before and p.confidence * (before + 1) > 0.9 for p in predictions)
    raw = "no readings, since its radio is open"
    if device.profile.sealed or device.transport.framing == "serial":
        piece = await anext(Signal(device))
        assert np.isfinite(piece.readings).all()
        raw = f"{len(piece.readings)} readings"
    else:
        await refused(anext(Signal(device)), "E_BOARD_UNPAIRED")
    assert (await discard_all(device)).train == 0
    await set_labels(device, labels.names[:before])
    assert device.board.classes == before
    await device.close()
    return f"{before + 1} labels, 2 windows classified in {seconds:.1f} s, {raw}"


async def anew(device: Device, run: int) -> Device:
    """Another host on the same transport: it remembers nothing, and gives the board no samples again."""
    await device.close()
    other = Device(device.transport)
    await other.connect(run)
    return other


async def is_kept(device: Device) -> str:
    """The board's saved state is there after a reset, for which a person has to press the button."""
    await device.connect(new_run())
    if not device.board.capabilities & Capability.PERSISTENT:
        pytest.skip("it keeps nothing without power")
    await device.provision(features(device))
    first = await round_(device, 1)
    await device.ask(Kind.SAVE, b"", Kind.SAVED)
    if not os.environ.get("BYTEFED_RESET"):
        pytest.skip("saved; BYTEFED_RESET=1 asks to press reset, and looks whether it is all there")
    boot = device.boot
    if isinstance(device.transport, EmulatedTransport):
        await device.transport.emulator.press_reset()
        return await after_reset(device, first, boot)
    print(f"\n>>> Press the reset button of {device.uri} ({device.name}) now.", flush=True)  # noqa: T201
    return await after_reset(device, first, boot)


async def after_reset(device: Device, first: RoundReply, boot: int | None) -> str:
    """Wait until the board started anew, so that its boot id is another; all is as before."""
    crc = device.stored.crc
    give_up = time.monotonic() + PATIENCE
    while True:
        try:
            await device.close()
            await device.connect(device.run)
        except LinkError:
            pass
        else:
            if device.boot != boot:
                break
        assert time.monotonic() < give_up, "nobody pressed reset"
        await asyncio.sleep(1.0)
    assert (device.stored.train, device.stored.test, device.stored.crc) == (TRAIN, TEST, crc)
    again = await round_(device, 1)
    assert first.delta is not None and again.delta is not None
    assert again.delta.tobytes() == first.delta.tobytes()
    return "samples, head and delta are there after a reset"


async def resumes(device: Device) -> str:
    """The port is closed in the middle of a round; it goes on, and a host that starts anew gets the same delta."""
    run = new_run()
    await device.connect(run)
    await device.provision(features(device))
    transport, before = device.transport, device.connections
    sent = transport.sent
    task = asyncio.create_task(round_(device, 1))
    while transport.sent == sent and not task.done():
        await asyncio.sleep(0)
    await transport.close()
    reply = await task
    check_delta(device, reply, "float32", 1)
    assert device.connections > before, "the link was not lost"
    other = await anew(device, run)
    check_delta(other, await round_(other, 1), "float32", 1)
    await other.close()
    return f"{device.connections} connections"


async def survives_bad_input(device: Device) -> str:
    """Noise and impossible requests are refused, and the next round is as ever."""
    await device.connect(new_run())
    await device.provision(features(device))
    noise = random.Random(SEED)
    for _ in range(40):
        await device.transport.write(noise.randbytes(noise.randint(1, device.profile.frame_limit)))
    await device.close()
    await device.connect(new_run())
    await refuses(device)
    await device.provision(features(device))
    check_delta(device, await round_(device, 1), "float32", 1)
    return "40 frames of noise, 4 impossible requests"


async def takes_no_heap_memory(device: Device) -> str:
    """Its app has asked for none since it runs, in all that was done before this check."""
    await device.connect(VISIT)
    details = await about(device)
    assert details is not None, "no answer to ABOUT: the firmware is too old"
    assert details.heap == 0, f"{details.heap} pieces of heap memory in {details.uptime} s"
    return f"none in {details.uptime:,} s; RAM never used {details.ram * RAM_UNIT:,} B"


async def refuses(device: Device) -> None:
    """Each impossible request gets the ERROR that SPEC.md names for it."""
    good = features(device)
    labels = np.full(TRAIN, device.board.classes, np.uint8)
    bad = Samples("features", good.train_x, labels, good.test_x, good.test_y, SCALE, ZERO_POINT)
    await refused(device.provision(bad), "E_BOARD_BAD_LABEL")
    await device.provision(good)
    nan = np.full_like(head(device), math.nan)
    rounds = run_round(device, 1, nan, plan())
    await refused(rounds, "E_BOARD_NOT_FINITE")
    await refused(device.ask(Kind.CAPTURE, b"", Kind.CAPTURED), "E_BOARD_BAD_LENGTH")
    await refused(device.ask(Kind.CONFIG, b"\0" * 3, Kind.CONFIGURED), "E_BOARD_BAD_LENGTH")


async def refused(action: Awaitable[object], code: str) -> None:
    """The board answers just so."""
    try:
        await action
    except BoardError as error:
        assert error.code == code, f"{error.code} where {code} belongs"
    else:
        raise AssertionError(f"it took what deserves {code}")


CHECKS: dict[str, Check] = {
    "is known": is_known,
    "keeps samples": keeps_samples,
    **codec_checks(),
    "golden features": extracts_the_golden_features,
    "captures": captures,
    "is used": is_used,
    "resumes in the middle": resumes,
    "survives bad input": survives_bad_input,
    "takes no heap memory": takes_no_heap_memory,
    "keeps all through a reset": is_kept,
}
