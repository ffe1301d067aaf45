"""The labels of a board, and how to forget samples of it (SPEC.md section 3: LABEL, DISCARD)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bytefed.device.device import Device
from bytefed.errors import BoardError, ConfigError, counted
from bytefed.protocol.message import (
    LABEL_NAME,
    Capability,
    Discard,
    Discarded,
    DiscardFlag,
    Kind,
    Label,
    Labelled,
)

FEWEST = 2
"""The least number of labels: with fewer there is nothing to tell apart."""


@dataclass(frozen=True)
class BoardLabels:
    """The labels of a board.

    Attributes:
        names: The names, one for each column of the head; empty strings where nobody has set them.
        most: The number of labels that the board's memory has room for.
        train: The number of training samples of each label.
        test: The number of test samples of each label.
    """

    names: tuple[str, ...]
    most: int
    train: tuple[int, ...]
    test: tuple[int, ...]

    @property
    def are_set(self) -> bool:
        """Whether each label has a name."""
        return all(self.names)

    @property
    def shown(self) -> tuple[str, ...]:
        """The names as people are shown them: a label without one is its number."""
        return tuple(name or str(index) for index, name in enumerate(self.names))

    @property
    def counts(self) -> list[str]:
        """The labels with their samples, in words: "walk 12+4", "run 9+3", the second number for the test split."""
        each = zip(self.shown, self.train, self.test, strict=True)
        return [f"{name} {train}+{test}" for name, train, test in each]

    def renamed(self, names: tuple[str, ...]) -> BoardLabels:
        """Return the labels once they have these names, as many as there are names; samples stay."""
        none = (0,) * max(0, len(names) - len(self.names))
        count = len(names)
        return BoardLabels(names, self.most, (*self.train[:count], *none), (*self.test[:count], *none))

    def find(self, name: str) -> int | None:
        """Return the number of a label by its name, or by its number where it has no name; None for no such label."""
        return self.shown.index(name) if name in self.shown else None


def in_own_order(labels: BoardLabels, names: Sequence[str]) -> list[str]:
    """Return names in the order in which a board can take them without taking its samples for others.

    Samples know their label by its number. So where all of a board's labels stay and it has samples, it keeps its own
    order, and the others come behind; runs find a label by its name.

    Args:
        labels: The labels that it has.
        names: The names that it is to have.
    """
    has_samples = any((*labels.train, *labels.test))
    stay = labels.are_set and set(labels.names) <= set(names) and len(set(names)) == len(names)
    if not (has_samples and stay):
        return list(names)
    return [*labels.names, *(name for name in names if name not in labels.names)]


def check_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of labels, if boards can have them.

    Raises:
        ConfigError: E_LABELS_COUNT for fewer than two; E_LABELS_NAME for a name that is empty, longer than 12 bytes in
            UTF-8, or has signs that can't be seen; E_LABELS_TWICE for a name that stands there twice.
    """
    for name in names:
        _check_name(name)
    twice = sorted({name for name in names if list(names).count(name) > 1})
    if twice:
        raise ConfigError(
            "E_LABELS_TWICE", f"Label '{twice[0]}' stands there twice.", "Give each label a name of its own."
        )
    if len(names) < FEWEST:
        raise ConfigError(
            "E_LABELS_COUNT",
            f"{counted(len(names), 'label')}: a board has nothing to tell apart.",
            f"Name at least {FEWEST} labels.",
        )
    return tuple(names)


def _check_name(name: str) -> None:
    size = len(name.encode(errors="replace"))
    if not name.strip() or name != name.strip() or not name.isprintable():
        problem = "is empty, begins or ends with a space, or has signs that can't be seen"
    elif size > LABEL_NAME:
        problem = f"takes {size} bytes in UTF-8"
    else:
        return
    raise ConfigError(
        "E_LABELS_NAME",
        f"The label {name!r} {problem}.",
        f"Give it a name of at most {LABEL_NAME} bytes that can be printed: letters and digits take one each.",
    )


async def read_labels(device: Device) -> BoardLabels:
    """Ask a connected board for its labels, and how many samples it has of each.

    Raises:
        BoardError: E_LABELS_FIRMWARE if its firmware knows no labels.
        LinkError: The board was lost.
    """
    answers = [await _ask(device, Label(0, 0))]
    while len(answers) < answers[0][0].count:
        answers.append(await _ask(device, Label(len(answers), 0)))
    told = [labelled for labelled, _ in answers]
    return BoardLabels(
        tuple(name for _, name in answers),
        told[0].most,
        tuple(labelled.train for labelled in told),
        tuple(labelled.test for labelled in told),
    )


async def set_labels(
    device: Device, names: Sequence[str], *, known: BoardLabels | None = None
) -> BoardLabels:
    """Give a connected board these labels, and its head as many columns; nothing is sent for those that it has.

    The head keeps the columns of the labels that remain, and new columns are zeros. What the device knows of the board
    (``board``, ``shape``, ``stored``) is up to date afterwards.

    Args:
        device: Connected.
        names: The names of all its labels.
        known: The labels that the board has, as ``read_labels`` just told; None to ask.

    Returns:
        The labels that the board has now.

    Raises:
        ConfigError: As ``check_names``.
        BoardError: E_LABELS_MANY if its memory has room for fewer; E_BOARD_BAD_LABEL if it has samples of a label that
            would no longer be there; E_BOARD_BUSY during a round or a capture.
        LinkError: The board was lost.
    """
    labels = await read_labels(device) if known is None else known
    names = check_fits(device, labels, names)
    due = labels_due(labels.names, names)
    if not due:
        return labels
    for index in due:
        await _set(device, labels, index, names)
    await device.refresh()
    return labels.renamed(names)


def check_fits(device: Device, labels: BoardLabels, names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of labels, if a board that has these labels now can get them; raises as ``set_labels``."""
    names = check_names(names)
    if len(names) > labels.most:
        raise _too_many(device, len(names), labels.most)
    if any(labels.train[len(names) :]) or any(labels.test[len(names) :]):
        raise _has_samples(device, labels, len(names))
    return names


def labels_due(held: Sequence[str], names: Sequence[str]) -> list[int]:
    """Return the numbers of the labels that a board is to be sent, so that it has these names.

    Args:
        held: The names that it has.
        names: The names that it is to have.
    """
    due = [index for index, name in enumerate(names) if index >= len(held) or held[index] != name]
    return due if due or len(held) == len(names) else [0]  # where one goes, LABEL of any other says so


async def _set(device: Device, labels: BoardLabels, index: int, names: Sequence[str]) -> None:
    try:
        await _ask(device, Label(index, len(names)), names[index])
    except BoardError as error:
        if error.code != "E_BOARD_BAD_LABEL":
            raise
        raise _has_samples(device, labels, len(names)) from error


def _too_many(device: Device, count: int, most: int) -> BoardError:
    return BoardError(
        "E_LABELS_MANY",
        f"{device.uri}: board {device.name} has room for {most} labels, not for {count}.",
        "Name fewer, or flash an image that has room for more; of virtual boards, `bytefed board --help` says how.",
    )


def _has_samples(device: Device, labels: BoardLabels, count: int) -> BoardError:
    """Return the error for a board that would lose a label of which it has samples."""
    gone = [
        f"{counted(train + test, 'sample')} of {name}"
        for name, train, test in list(zip(labels.shown, labels.train, labels.test, strict=True))[count:]
        if train + test
    ]
    return BoardError(
        "E_BOARD_BAD_LABEL",
        f"{device.uri}: board {device.name} has {' and '.join(gone) or 'samples of a label that would go'}.",
        "Keep that label, or let the board forget these samples first, for good.",
    )


async def _ask(device: Device, label: Label, name: str = "") -> tuple[Labelled, str]:
    try:
        _, body = await device.ask(Kind.LABEL, label.pack() + name.encode(), Kind.LABELLED)
    except BoardError as error:
        if error.code != "E_BOARD_UNKNOWN_KIND":
            raise
        raise BoardError(
            "E_LABELS_FIRMWARE",
            f"{device.uri}: the firmware of board {device.name} knows no labels.",
            "Flash the firmware of this version: `bytefed flash --help`.",
        ) from error
    return Labelled.unpack(body), body[Labelled.size() :].decode(errors="replace")


# ---- Forgetting samples


async def discard_last(device: Device, count: int, *, test: bool) -> Discarded:
    """Let a connected board forget the last samples of a split.

    Args:
        device: Connected.
        count: Number of them, at least 1; all that are there if they are fewer.
        test: Whether of the test split.

    Returns:
        The samples that are left.

    Raises:
        BoardError: E_BOARD_BUSY during a round or a capture.
        LinkError: The board was lost.
    """
    await device.refresh()
    has = device.stored.test if test else device.stored.train
    return await _discard(
        device, Discard(int(DiscardFlag.TEST) if test else 0, 0, max(0, has - max(0, count)))
    )


async def discard_label(device: Device, label: int) -> Discarded:
    """Let a connected board forget all samples of a label, of both splits; returns and raises as ``discard_last``."""
    return await _discard(device, Discard(int(DiscardFlag.LABEL), label, 0))


async def discard_all(device: Device) -> Discarded:
    """Let a connected board forget all its samples, not its head; returns and raises as ``discard_last``."""
    await _discard(device, Discard(0, 0, 0))
    return await _discard(device, Discard(int(DiscardFlag.TEST), 0, 0))


async def _discard(device: Device, discard: Discard) -> Discarded:
    _, body = await device.ask(Kind.DISCARD, discard.pack(), Kind.DISCARDED)
    await device.refresh()
    return Discarded.unpack(body)


def are_sensed(device: Device) -> bool:
    """Return whether a connected board holds samples that came from its sensor."""
    return bool(device.board.capabilities & Capability.SENSED) and bool(
        device.stored.train + device.stored.test
    )
