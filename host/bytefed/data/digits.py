"""Handwritten digits: 1,797 images of 8 x 8 pixels, which come with bytefed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bytefed.data.raw import RawData

PICTURES = Path(__file__).with_name("digits.npz")
"""The file with the pictures; models/digits/pictures.py makes it."""


def read(data_dir: Path | None = None) -> RawData:  # noqa: ARG001 - every reader takes the folder
    """Read the digits as float32 [1797, 8, 8, 1], ink from 0 to 1, with labels 0 to 9.

    Source: UCI "Optical Recognition of Handwritten Digits" (Alpaydin and Kaynak, 1998), CC BY 4.0, test part, in the
    order of scikit-learn's `load_digits`.
    """
    with np.load(PICTURES, allow_pickle=False) as file:
        inputs = (file["images"][..., np.newaxis] / 16.0).astype(np.float32)
        return RawData(inputs, file["labels"], tuple("0123456789"))
