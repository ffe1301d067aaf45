"""The model of a board and its labels, by the names that people know: its own labels, or those of its model."""

from __future__ import annotations

from collections.abc import Sequence

from bytefed.device.device import Device
from bytefed.device.labels import BoardLabels, read_labels
from bytefed.errors import BoardError, ConfigError, did_you_mean
from bytefed.extractor.manifest import Manifest, known_model


def model_of(device: Device) -> tuple[str, Manifest] | None:
    """Return the name and manifest of the model that a connected board holds; None if this host does not know it."""
    return known_model(device.board.model, device.board.classes, device.model)


def model_names(device: Device) -> tuple[str, ...]:
    """Return a name for each label of a connected board whose own have none: its model's class, else the number."""
    known, classes = model_of(device), device.board.classes
    words = [str(word) for word in known[1].document.get("classes", [])] if known else []
    return tuple(words[number] if number < len(words) else str(number) for number in range(classes))


def shown_names(device: Device, labels: BoardLabels) -> tuple[str, ...]:
    """Return a name for each label of a board: its own; else its model's, where nobody has set any."""
    if any(labels.names):
        return labels.shown
    return model_names(device)


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
        return model_names(device), ()
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
    words = [name for name in names if not name.isdigit()]  # a label without a name is shown as its number
    named = f"one of {', '.join(words)}, or " if words else ""
    raise ConfigError(
        "E_CONFIG_LABEL",
        f"{label} is no label of the board.",
        f"{did_you_mean(label, words)}Name {named}a number from 0 to {len(names) - 1}; or give it other labels: "
        "`bytefed labels set --help`.",
    )
