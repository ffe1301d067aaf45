"""Reads pictures for an extractor, looking the way people see them."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bytefed.errors import ConfigError, DataError

KINDS = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")
MAX_PIXELS = 1 << 26
_FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "TIFF")
_DEEP = ("I;16", "I;16B", "I;16L", "I;16N", "I")


def read(file: Path, content: bytes, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Read a picture and scale it to an extractor's input.

    It is rotated as its EXIF data say, transparency is laid on white, palettes are looked up, and 16 bits keep their
    full range. Of an animation the first picture is taken.

    Args:
        file: Path of the picture, to name it in errors.
        content: The file's bytes.
        shape: Height, width, and 1 (grey) or 3 (RGB) channels; channels may be missing.

    Returns:
        float32 of that shape, 0 (black) to 1 (white).

    Raises:
        DataError: E_DATA_FORMAT for a file that is no picture, E_DATA_SHAPE if the extractor takes no pictures.
        ConfigError: E_CONFIG_EXTRA if Pillow is not installed.
    """
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise ConfigError(
            "E_CONFIG_EXTRA", "Pictures need the package Pillow.", "Run: pip install pillow"
        ) from error
    height, width, channels = shape if len(shape) == 3 else (*shape, 1, 1)[:3]
    if channels not in (1, 3):
        raise DataError(
            "E_DATA_SHAPE", f"{file} is a picture, the extractor takes {' x '.join(map(str, shape))} values.",
            "Give it the recordings that it was trained on, or an extractor of pictures.",
        )  # fmt: skip
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # by default Pillow only warns of pictures that take a gigabyte
            with Image.open(io.BytesIO(content), formats=_FORMATS) as picture:
                if picture.width * picture.height > MAX_PIXELS:
                    raise ValueError(f"it has {picture.width} x {picture.height} points")
                seen = _as_seen(ImageOps.exif_transpose(picture), grey=channels == 1)
            scaled = np.asarray(seen.resize((width, height)), np.float32)
    except Exception as error:  # Pillow may raise any error for a broken file
        raise DataError(
            "E_DATA_FORMAT", f"{file} is no picture that can be read ({error}).",
            "Save it again as PNG or JPEG, or leave it out.",
        ) from error  # fmt: skip
    return np.asarray(np.clip(scaled / np.float32(255), 0, 1).reshape(shape), np.float32)


def _as_seen(picture: Any, *, grey: bool) -> Any:
    """Return a picture of any kind in grey or RGB, 0 to 255; 16-bit grey becomes real numbers."""
    from PIL import Image

    if picture.mode in _DEEP:
        values = np.asarray(picture, np.float32)
        if values.min() < 0 or values.max() > 65_535:
            raise ValueError("its values are beyond 16 bits")
        plane = Image.fromarray(values * np.float32(255 / 65_535))
        return plane if grey else Image.merge("RGB", [plane.convert("L")] * 3)
    if picture.mode == "F":
        raise ValueError("its points are real numbers, whose black and white nobody knows")
    if picture.has_transparency_data:
        inked = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", inked.size, "white"), inked)
    return picture.convert("L" if grey else "RGB")
