"""The window that a model takes: its axes and their units, and how often a board's motion sensor is read for one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from bytefed.errors import ModelError
from bytefed.head import parameters

AXES = ("ax", "ay", "az", "gx", "gy", "gz")
"""The axes of a board's motion sensor: acceleration, then rate of turn."""
UNITS = ("m/s^2", "m/s^2", "m/s^2", "rad/s", "rad/s", "rad/s")
"""The units in which a board's firmware gives them."""
LABELS = 8
"""The labels that a board with a sensor has room for, if its model has fewer (`custom_labels` of platformio.ini)."""
MAX_HERTZ = 1000
"""As tools/model_to_c.py and the firmware allow."""

_KNOWN = {
    "m/s^2": ("m/s^2", 1.0),
    "g": ("m/s^2", 9.80665),
    "mg": ("m/s^2", 9.80665e-3),
    "rad/s": ("rad/s", 1.0),
    "deg/s": ("rad/s", math.pi / 180),
    "mdeg/s": ("rad/s", math.pi / 180_000),
}
_REMEDY = (
    "A board's motion sensor gives 6 axes (ax ay az in m/s^2, gx gy gz in rad/s): take a model of inputs "
    f"[readings, 1, 6], --hertz 1 to {MAX_HERTZ}, and no --units and --axes of your own; without --hertz any window "
    "will do, and boards get their samples from the host."
)


def window(
    shape: Sequence[int], hertz: int = 0, axes: Sequence[str] = (), units: Sequence[str] = ()
) -> dict[str, Any]:
    """Return what a manifest says of a model's window.

    Args:
        shape: Shape of an input without the batch, readings first.
        hertz: Readings a second of a board's motion sensor, 1 to MAX_HERTZ; 0 for a window that no board takes itself.
        axes: Names of the values of a reading; none for those of the motion sensor, or for no names.
        units: Their units: one each, one for all, or two for the two halves; none for those of the motion sensor, or
            for unknown ones.

    Raises:
        ModelError: E_MODEL_SENSOR for what contradicts the shape, or no sensor gives.
    """
    width = shape[-1]
    if hertz:
        if not 1 <= hertz <= MAX_HERTZ or tuple(shape[1:]) != (1, len(AXES)):
            raise _refused(f"--hertz {hertz} and inputs of {_words(shape)}")
        axes, units = tuple(axes) or AXES, each(units, width) or UNITS
        if (tuple(axes), tuple(units)) != (AXES, UNITS):
            raise _refused(f"--axes {' '.join(axes)} --units {' '.join(units)}")
        return {"sensor_hertz": hertz, "axes": list(axes), "units": list(units)}
    units = each(units, width)
    if axes and (len(axes) != width or len(set(axes)) != width):
        raise ModelError(
            "E_MODEL_SENSOR",
            f"--axes names {len(axes)} values of a reading; inputs of {_words(shape)} have {width}.",
            "Name each value once, in the order of the columns; or leave --axes out.",
        )
    return ({"axes": list(axes)} if axes else {}) | ({"units": list(units)} if units else {})


def check_buffer(shape: Sequence[int], features: int, classes: int) -> None:
    """Refuse windows that a board's sensor could not fill: they are taken into the memory of the head.

    Args:
        shape: Shape of an input without the batch.
        features: D.
        classes: C.

    Raises:
        ModelError: E_MODEL_SENSOR.
    """
    if not fits_buffer(shape, features, classes):
        raise ModelError(
            "E_MODEL_SENSOR",
            f"A window of {math.prod(shape):,} values does not fit a board, which takes it into its head's memory: "
            f"{_buffer(features, classes):,} bytes with {features} features.",
            "Take shorter windows, more features or more labels; without --hertz any window will do, and boards get "
            "their samples from the host.",
        )


def fits_buffer(shape: Sequence[int], features: int, classes: int) -> bool:
    """Return whether a board can take a window, with its label, into the memory of its head of D features."""
    return math.prod(shape) < _buffer(features, classes)


def _buffer(features: int, classes: int) -> int:
    return 4 * parameters(features, max(classes, LABELS))


def each(units: Sequence[str], width: int) -> tuple[str, ...]:
    """Return the unit of each value of a reading.

    Args:
        units: One for each, one for all, or two for the two halves; none if they are not known.
        width: Number of values.

    Raises:
        ModelError: E_MODEL_SENSOR for any other number.
    """
    if len(units) == 1:
        return tuple(units) * width
    if len(units) == 2 and width % 2 == 0:
        return tuple(unit for unit in units for _ in range(width // 2))
    if len(units) not in (0, width):
        raise ModelError(
            "E_MODEL_SENSOR",
            f"--units has {len(units)} units; a reading has {width} values.",
            f"Give one for all, two for the halves (--units g deg/s), or {width}.",
        )
    return tuple(units)


def converted(units: Sequence[str]) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """Return the units to which values are converted, and the factor of each value.

    Args:
        units: The unit of each value of a reading. Those of motion become a board's own; others stay.
    """
    pairs = [_KNOWN.get(unit, (unit, 1.0)) for unit in units]
    return tuple(unit for unit, _ in pairs), tuple(factor for _, factor in pairs)


def _refused(what: str) -> ModelError:
    return ModelError("E_MODEL_SENSOR", f"{what}: no board's sensor gives such windows.", _REMEDY)


def _words(shape: Sequence[int]) -> str:
    return f"[{', '.join(str(n) for n in shape)}]"
