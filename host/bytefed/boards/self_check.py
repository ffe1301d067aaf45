"""A short check of one board: its model, its features and one round by this host's arithmetic, and a reset.

It takes a few seconds and needs nobody at the board; the whole suite is tests/boards. It replaces the samples that the
board holds.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import numpy as np
from numpy.typing import NDArray

from bytefed import _core
from bytefed.device.device import Device
from bytefed.device.naming import model_of
from bytefed.device.plan import Samples, TrainingPlan
from bytefed.errors import BoardError, counted
from bytefed.extractor.extractor import Extractor, golden_inputs
from bytefed.extractor.manifest import Manifest, model_folder
from bytefed.ledger.count import REPAIR, ByteCount
from bytefed.ledger.plan import planned_round
from bytefed.protocol.message import VISIT, Capability, Kind
from bytefed.runs.numbers import new_run

_TRAIN, _TEST = 40, 8
_PLAN = TrainingPlan("float32", "float32", epochs=2, batch=8, rate=0.05, seed=11)
_SCALE, _ZERO_POINT = 0.02, -3
_REBUILD = (
    "Build it anew with the flags of platformio.ini, and look for the cause in its objects: "
    "`python tools/check_objects.py .pio/build/ENV`."
)


async def check_model(device: Device, model_hash: int) -> str:
    """Visit a board, look whether it holds a model, and return the board's name.

    Args:
        device: Not connected; it is closed afterwards.
        model_hash: CRC-32 of the model's .tflite file.

    Raises:
        BoardError: E_BOARD_MODEL if it holds another model, or none.
        LinkError: It does not answer.
    """
    try:
        await device.connect(VISIT)
        if device.board.model != model_hash:
            raise BoardError(
                "E_BOARD_MODEL",
                f"{device.uri}: the board reports model {device.board.model:08x}, not {model_hash:08x}.",
                "If its light blinks red, the model does not fit its arena; otherwise upload again.",
            )
        return device.name
    finally:
        await device.close()


async def left_behind(device: Device, model_hash: int) -> str:
    """Visit a board, and return a sentence about samples that an image with another model will not read; "" for none.

    Args:
        device: Not connected; it is closed afterwards.
        model_hash: CRC-32 of the .tflite file in the image that is to come.

    Raises:
        LinkError: It does not answer.
    """
    try:
        await device.connect(VISIT)
        count = device.stored.train + device.stored.test
        if not count or device.board.model == model_hash:
            return ""
        known = model_of(device)
        model = f"model {known[0]}" if known else f"a model that is not known ({device.board.model:08x})"
        return (
            f"{device.name} holds {counted(count, 'sample')} under {model}: features that mean nothing to another "
            "one. The new image does not read them; capture or load them anew."
        )
    finally:
        await device.close()


async def check_features(device: Device) -> str:
    """Have a board extract the features of golden inputs, and compare their CRC-32 with the manifest's.

    Args:
        device: The board; it is connected if it is not yet.

    Raises:
        BoardError: E_BOARD_FEATURES if one bit of them differs.
        LinkError: It was lost for good.
    """
    await device.connect(new_run())
    known = model_of(device) if device.board.capabilities & Capability.EXTRACTOR else None
    if known is None:
        return "none that this host knows"
    name = known[0]
    golden, extractor = Manifest.load(model_folder(name)).document["golden"], Extractor.load(name)
    inputs = golden_inputs(golden["seed"], golden["n"], extractor.input_shape)
    meaning = extractor.quantization
    labels, no_labels = np.zeros(len(inputs), np.uint8), np.zeros(0, np.uint8)
    await device.provision(
        Samples("inputs", inputs, labels, inputs[:0], no_labels, meaning.scale, meaning.zero_point)
    )
    made = extractor.extract(inputs)
    expected = Samples("features", made, labels, made[:0], no_labels, meaning.scale, meaning.zero_point)
    if device.stored.crc != expected.store_crc() or _core.crc32(made.tobytes()) != golden["features_crc32"]:
        raise BoardError(
            "E_BOARD_FEATURES",
            f"{device.uri}: the features of {len(inputs)} golden inputs of model {name} are not the manifest's.",
            _REBUILD,
        )
    return f"{len(inputs)} golden inputs of model {name}, CRC-32 {golden['features_crc32']:08x}"


async def check_round(device: Device) -> str:
    """Train a board for one round and compare its delta with this host's, and its bytes with the estimate.

    Args:
        device: The board; it is connected if it is not yet.

    Raises:
        BoardError: E_BOARD_BITS if one bit of the delta differs.
        LinkError: It was lost for good.
    """
    await device.connect(new_run())
    samples, start = _features(device), _head(device)
    await device.provision(samples)
    device.take_bytes()
    planned = device.plan_round(1, start, _PLAN)
    expected = planned_round(
        device.profile, planned.blobs, statistics=planned.statistics, configures=planned.configures
    )
    reply = await device.train(planned)
    spent = device.take_bytes()
    await device.release(counted=True)
    trained = start.copy()
    _core.train(
        trained, samples.train_x, samples.train_y, device.board.classes, scale=_SCALE, zero_point=_ZERO_POINT,
        epochs=_PLAN.epochs, batch=_PLAN.batch, rate=_PLAN.rate, seed=_PLAN.seed, round=1,
    )  # fmt: skip
    _compare(device.uri, reply.delta, trained - start)
    cost = _bytes(spent, expected)
    return f"{_TRAIN} samples, {len(start)} values of the delta with this host's bits, {cost}"


async def check_reset(device: Device, press: Callable[[], Awaitable[None]]) -> str:
    """Have a board save what it holds, reset it, and look whether it starts anew and holds the same.

    Args:
        device: Connected, in a run.
        press: Presses its reset button.

    Raises:
        BoardError: E_BOARD_RESET if it did not start anew, or has lost its samples.
        LinkError: It does not answer afterwards.
    """
    keeps = bool(device.board.capabilities & Capability.PERSISTENT)
    if keeps:
        await device.ask(Kind.SAVE, b"", Kind.SAVED)
    boot, stored = device.boot, device.stored
    await press()
    await device.close()
    await device.connect(device.run)
    if device.boot == boot or (keeps and device.stored != stored):
        what = "did not start anew" if device.boot == boot else "lost the samples that it had saved"
        raise BoardError(
            "E_BOARD_RESET",
            f"{device.uri}: the board {what} when its reset button was pressed.",
            "Run the whole suite on it: `make test-hardware`.",
        )
    return "starts anew, and " + ("its samples are there" if keeps else "keeps nothing without power")


def _compare(uri: str, delta: NDArray[np.float32] | None, expected: NDArray[np.float32]) -> None:
    got = np.full_like(expected, np.nan) if delta is None else delta
    wrong = int((got.view(np.uint32) != expected.view(np.uint32)).sum())
    if wrong:
        raise BoardError(
            "E_BOARD_BITS",
            f"{uri}: {wrong} of {len(expected)} values of its delta are not this host's.",
            _REBUILD,
        )


def _bytes(counted: ByteCount, expected: ByteCount) -> str:
    if counted == expected:
        return f"{counted.wire_total:,} B as estimated"
    repair = sum(getattr(counted, cause) for cause in REPAIR)
    return f"{counted.wire_total:,} B where {expected.wire_total:,} B were estimated; {repair:,} B of it are repair"


def _features(device: Device) -> Samples:
    """Return random ready features with every label, the same each time."""
    rng = np.random.default_rng(5)
    x = rng.integers(-128, 128, (_TRAIN + _TEST, device.board.features), dtype=np.int8)
    y = (np.arange(_TRAIN + _TEST) % device.board.classes).astype(np.uint8)
    return Samples("features", x[:_TRAIN], y[:_TRAIN], x[_TRAIN:], y[_TRAIN:], _SCALE, _ZERO_POINT)


def _head(device: Device) -> NDArray[np.float32]:
    D, C = device.board.features, device.board.classes
    return np.random.default_rng(3).normal(0, 0.05, D * C + C).astype(np.float32)
