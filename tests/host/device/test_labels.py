"""Labels of a board over the wire: read, set, grown, taken away; and samples that are forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import numpy as np
import pytest
from booked_device import BookedDevice

from bytefed._core import VirtualBoard
from bytefed.boards.loopback import LoopbackTransport
from bytefed.device.labels import (
    BoardLabels,
    discard_all,
    discard_label,
    discard_last,
    labels_due,
    read_labels,
    set_labels,
)
from bytefed.device.plan import Samples, TrainingPlan
from bytefed.errors import BytefedError
from bytefed.protocol.message import LABEL_NAME, Capability

D, C, MOST = 6, 4, 5
PLAN = TrainingPlan("float32", "float32", epochs=1, batch=4, rate=0.1, seed=1)


def samples(labels: Sequence[int] = (0, 1, 2, 0), tests: Sequence[int] = (1,)) -> Samples:
    random = np.random.RandomState(1)
    train_y, test_y = np.array(labels, np.uint8), np.array(tests, np.uint8)
    return Samples(
        "features",
        random.randint(-128, 128, (len(labels), D)).astype(np.int8), train_y,
        random.randint(-128, 128, (len(tests), D)).astype(np.int8), test_y, 0.1, 0,
    )  # fmt: skip


def on_board(work: Callable[[BookedDevice], Awaitable[None]], *, run: int = 0, most: int = MOST) -> None:
    """Do something with a board that has just been switched on; then every byte has a cause."""

    async def attempt() -> None:
        board = VirtualBoard(features=D, classes=C, uid=7, most_classes=most)
        device = BookedDevice(LoopbackTransport(board))
        await device.connect(run)
        await work(device)
        await device.close()
        device.take_bytes().check()

    asyncio.run(attempt())


def test_a_board_that_nobody_gave_labels_has_as_many_as_its_image_and_no_names() -> None:
    async def work(device: BookedDevice) -> None:
        labels = await read_labels(device)
        assert labels == BoardLabels(("",) * C, MOST, (0,) * C, (0,) * C)
        assert not labels.are_set
        assert labels.shown == ("0", "1", "2", "3")
        assert not device.board.capabilities & Capability.LABELLED

    on_board(work)


@pytest.mark.parametrize("count", range(2, MOST + 1))
def test_labels_grow_and_shrink_and_the_device_knows_its_new_shape(count: int) -> None:
    names = tuple("äöüß!"[:count])

    async def work(device: BookedDevice) -> None:
        assert (await set_labels(device, names)).names == names
        assert device.shape == (D, count)
        assert device.board.capabilities & Capability.LABELLED
        assert (await read_labels(device)).names == names

    on_board(work)


def test_the_same_labels_again_are_not_sent() -> None:
    async def work(device: BookedDevice) -> None:
        labels = await set_labels(device, ["walk", "run"])
        before = device.transport.sent
        assert await set_labels(device, ["walk", "run"], known=labels) == labels
        assert device.transport.sent == before

    on_board(work)


def test_only_what_differs_is_sent() -> None:
    assert labels_due(("walk", "run"), ("walk", "run")) == []
    assert labels_due(("walk", "run"), ("walk", "hop")) == [1]
    assert labels_due(("walk", "run"), ("walk", "run", "rest", "jump")) == [2, 3]
    assert labels_due(("walk", "run", "rest"), ("walk", "run")) == [0]
    assert labels_due(("", "", ""), ("walk", "run")) == [0, 1]


def test_a_new_label_keeps_what_the_head_knows() -> None:
    async def work(device: BookedDevice) -> None:
        await set_labels(device, ["walk", "run", "rest"])
        await device.provision(samples())
        head = np.arange(D * 3 + 3, dtype=np.float32)
        await device.run_round(1, head, PLAN)
        await device.release(counted=True)
        await set_labels(device, ["walk", "run", "rest", "jump"])
        wider = np.concatenate(
            [
                np.pad(head[: D * 3].reshape(D, 3), ((0, 0), (0, 1))).ravel(),
                head[D * 3 :],
                np.zeros(1, np.float32),
            ]
        )
        assert device.plan_round(2, wider, PLAN).offer.blob == b""  # the board holds just this head

    on_board(work, run=5)


def test_samples_are_counted_by_label_and_split() -> None:
    async def work(device: BookedDevice) -> None:
        await device.provision(samples())
        labels = await read_labels(device)
        assert labels.train == (2, 1, 1, 0)
        assert labels.test == (0, 1, 0, 0)

    on_board(work, run=5)


def fails(work: Callable[[BookedDevice], Awaitable[object]], code: str, *, run: int = 0) -> str:
    async def attempt(device: BookedDevice) -> None:
        with pytest.raises(BytefedError) as caught:
            await work(device)
        assert caught.value.code == code, caught.value
        assert caught.value.remedy
        told.append(str(caught.value))

    told: list[str] = []
    on_board(attempt, run=run)
    return told[0]


@pytest.mark.parametrize(
    ("names", "code"),
    [
        ([], "E_LABELS_COUNT"),
        (["walk"], "E_LABELS_COUNT"),
        (["walk", "run", "walk"], "E_LABELS_TWICE"),
        (["walk", ""], "E_LABELS_NAME"),
        (["walk", "run "], "E_LABELS_NAME"),
        (["walk", "r\nun"], "E_LABELS_NAME"),
        (["walk", "r\0un"], "E_LABELS_NAME"),
        (["walk", "\udc80"], "E_LABELS_NAME"),
        (["walk", "x" * (LABEL_NAME + 1)], "E_LABELS_NAME"),
        (["walk", "ü" * 7], "E_LABELS_NAME"),
        (list("abcdef"), "E_LABELS_MANY"),
    ],
    ids=["none", "one", "twice", "empty", "space", "newline", "nul", "surrogate", "long", "bytes", "many"],
)
def test_names_that_no_board_can_have_are_refused_before_anything_changes(
    names: list[str], code: str
) -> None:
    async def work(device: BookedDevice) -> None:
        try:
            await set_labels(device, names)
        finally:
            assert not (await read_labels(device)).are_set

    fails(work, code)


def test_the_longest_name_is_taken() -> None:
    async def work(device: BookedDevice) -> None:
        names = ("x" * LABEL_NAME, "ü" * (LABEL_NAME // 2))
        assert (await set_labels(device, names)).names == names

    on_board(work)


def test_a_label_with_samples_does_not_go_and_the_error_counts_them() -> None:
    async def work(device: BookedDevice) -> None:
        await set_labels(device, ["walk", "run", "rest"])
        await device.provision(samples())
        await set_labels(device, ["walk", "run"])

    assert "1 sample of rest" in fails(work, "E_BOARD_BAD_LABEL", run=5)


def test_the_last_samples_of_a_split_are_forgotten() -> None:
    async def work(device: BookedDevice) -> None:
        await device.provision(samples())
        left = await discard_last(device, 1, test=False)
        assert (left.train, left.test) == (3, 1) == (device.stored.train, device.stored.test)
        assert (await read_labels(device)).train == (1, 1, 1, 0)
        left = await discard_last(device, 9, test=True)
        assert (left.train, left.test) == (3, 0)

    on_board(work, run=5)


def test_a_label_is_forgotten_in_both_splits() -> None:
    async def work(device: BookedDevice) -> None:
        await device.provision(samples())
        left = await discard_label(device, 1)
        assert (left.train, left.test) == (3, 0) == (device.stored.train, device.stored.test)
        assert (await read_labels(device)).train == (2, 0, 1, 0)

    on_board(work, run=5)


def test_all_samples_are_forgotten_and_the_head_stays() -> None:
    async def work(device: BookedDevice) -> None:
        await device.provision(samples())
        head = np.arange(D * C + C, dtype=np.float32)
        await device.run_round(1, head, PLAN, train=False)
        left = await discard_all(device)
        assert (left.train, left.test) == (0, 0) == (device.stored.train, device.stored.test)
        assert device.plan_round(2, head, PLAN).offer.blob == b""

    on_board(work, run=5)
