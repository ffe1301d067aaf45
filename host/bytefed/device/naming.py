"""The names of a board's labels as people know them: its own, or those of its model."""

from __future__ import annotations

from collections.abc import Sequence

from bytefed.device.device import Device
from bytefed.device.labels import BoardLabels, read_labels
from bytefed.errors import BoardError, ConfigError, did_you_mean
from bytefed.extractor.manifest import known_model


def model_names(model: int, classes: int) -> tuple[str, ...]:
    """Return a name for each of so many labels of a board whose own have none: its model's class, else the number.

    Args:
        model: CRC-32 of the extractor, as in BOARD.
        classes: Number of the board's labels.
    """
    known = known_model(model)
    words = [str(word) for word in known[1].document.get("classes", [])] if known else []
    return tuple(words[number] if number < len(words) else str(number) for number in range(classes))


def shown_names(device: Device, labels: BoardLabels) -> tuple[str, ...]:
    """Return a name for each label of a board: its own; else its model's, where nobody has set any."""
    if any(labels.names):
        return labels.shown
    return model_names(device.board.model, len(labels.names))


async def label_names(device: Device) -> tuple[str, ...]:
    """Ask a connected board for its labels, and return a name for each; those of its model from an older firmware.

    Raises:
        LinkError: The board was lost.
    """
    return (await names_told(device))[0]


async def names_told(device: Device) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Ask a connected board for its labels: a name for each as people are shown it, and the names that it told.

    Raises:
        LinkError: The board was lost.
    """
    try:
        labels = await read_labels(device)
    except BoardError as error:
        if error.code != "E_LABELS_FIRMWARE":
            raise
        return model_names(device.board.model, device.board.classes), ()
    return shown_names(device, labels), labels.names


def label_number(label: str, names: Sequence[str]) -> int:
    """Return the number of a label that is given by its name or its number.

    Args:
        label: The word of the user.
        names: The names of the board's labels.

    Raises:
        ConfigError: E_CONFIG_LABEL for one that the board does not have.
    """
    if label in names:
        return names.index(label)
    if label.isascii() and label.isdigit() and int(label) < len(names):
        return int(label)
    raise ConfigError(
        "E_CONFIG_LABEL",
        f"--label {label} is no label of the board.",
        f"{did_you_mean(label, names)}Give --label a number from 0 to {len(names) - 1}, or a name: {', '.join(names)}.",
    )
