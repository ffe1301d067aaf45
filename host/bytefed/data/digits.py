"""Handwritten digits: the 1,797 images of 8 x 8 pixels that scikit-learn ships."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bytefed.data.raw import RawData
from bytefed.errors import ConfigError


def read(data_dir: Path | None = None) -> RawData:  # noqa: ARG001 - every reader takes the folder
    """Read the digits as float32 [1797, 8, 8, 1], ink from 0 to 1, with labels 0 to 9.

    Source: UCI "Optical Recognition of Handwritten Digits" (Alpaydin and Kaynak, 1998), CC BY 4.0.

    Raises:
        ConfigError: E_CONFIG_EXTRA if scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ConfigError(
            "E_CONFIG_EXTRA",
            "The digits come with the package scikit-learn, which is not installed.",
            "Run: pip install 'bytefed[virtual]'",
        ) from error
    bunch = load_digits()
    inputs = (bunch.images[..., np.newaxis] / 16.0).astype(np.float32)
    return RawData(inputs, bunch.target.astype(np.uint8), tuple("0123456789"))
