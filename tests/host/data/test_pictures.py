"""Pictures look as people see them, in whatever form the file keeps them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from bytefed.data import pictures
from bytefed.errors import DataError

image = pytest.importorskip("PIL.Image", reason="pictures need Pillow")

RAMP = np.tile(np.linspace(0, 1, 16), (16, 1))
GREY = (RAMP * 255).astype(np.uint8)


def saved(picture, kind: str = "PNG", **options) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def turned(orientation: int, pixels) -> bytes:
    exif = image.Exif()
    exif[0x0112] = orientation
    return saved(image.fromarray(np.ascontiguousarray(pixels)), "JPEG", exif=exif, quality=98)


def ink(alpha) -> np.ndarray:
    return np.dstack([np.zeros((16, 16, 3), np.uint8), alpha])


def palette(**options) -> bytes:
    picture = image.fromarray(GREY[:, ::-1])
    picture = picture.convert("P")
    picture.putpalette([value for number in range(256) for value in (255 - number,) * 3])
    return saved(picture, **options)


def with_clear_colour() -> bytes:
    """A palette whose colour 0, black, is transparent: white paper is seen through it."""
    codes = (RAMP < 0.5).astype(np.uint8)
    picture = image.frombytes("P", (16, 16), codes.tobytes())
    picture.putpalette([0, 0, 0, 0, 0, 0])
    return saved(picture, transparency=0)


SAME = {
    "8 bits": saved(image.fromarray(GREY)),
    "16 bits": saved(image.fromarray((RAMP * 65535).astype(np.uint16))),
    "16 bits, TIFF": saved(image.fromarray((RAMP * 65535).astype(np.uint16)), "TIFF"),
    "colour": saved(image.fromarray(np.dstack([GREY] * 3))),
    "TIFF": saved(image.fromarray(GREY), "TIFF"),
    "BMP": saved(image.fromarray(GREY), "BMP"),
    "WebP": saved(image.fromarray(np.dstack([GREY] * 3)), "WEBP", lossless=True),
    "JPEG": saved(image.fromarray(GREY), "JPEG", quality=98),
    "JPEG of CMYK": saved(image.fromarray(np.dstack([GREY] * 3)).convert("CMYK"), "JPEG", quality=98),
    "a palette": palette(),
    "black ink on nothing": saved(image.fromarray(ink(255 - GREY))),
    "grey with a clear background": saved(image.fromarray(np.dstack([np.zeros_like(GREY), 255 - GREY]))),
    "mirrored": turned(2, GREY[:, ::-1]),
    "upside down": turned(3, GREY[::-1, ::-1]),
    "turned right": turned(6, np.rot90(GREY)),
    "turned left": turned(8, np.rot90(GREY, -1)),
}


def read(content: bytes, shape=(4, 4, 1)) -> np.ndarray:
    return pictures.read(Path("one.png"), content, shape)


@pytest.mark.parametrize("name", SAME)
@pytest.mark.parametrize("shape", [(4, 4, 1), (4, 4), (4, 4, 3)])
def test_the_same_picture_from_any_file(name, shape):
    found = read(SAME[name], shape)
    assert found.shape == shape
    assert found.dtype == np.float32
    rows = found.reshape(4, 4, -1)
    assert np.abs(rows - np.array([0.106, 0.361, 0.639, 0.894])[None, :, None]).max() < 0.02


def test_a_clear_colour_of_a_palette_is_paper():
    found = read(with_clear_colour())
    assert found[0, 3, 0] > 0.9
    assert found[0, 0, 0] < 0.1


def test_pictures_for_an_extractor_of_recordings_are_refused():
    with pytest.raises(DataError, match="E_DATA_SHAPE"):
        read(SAME["8 bits"], (48, 1, 2))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        SAME["8 bits"][:40],
        saved(image.fromarray(RAMP.astype(np.float32)), "TIFF"),
        saved(image.fromarray(GREY), "GIF"),
    ],
)
def test_what_is_no_picture_is_refused(content):
    with pytest.raises(DataError, match="E_DATA_FORMAT"):
        read(content)
