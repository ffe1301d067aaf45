"""The pictures of digits that the package carries: `python -m models.digits.pictures` makes them of scikit-learn's.

A run then needs no scikit-learn, which with scipy is larger than all the rest together. A test makes them again.
"""

from __future__ import annotations

import numpy as np

from bytefed.data.digits import PICTURES


def pictures() -> dict[str, np.ndarray]:
    """Return the arrays of the file: ink from 0 to 16, uint8 [1797, 8, 8], and labels, uint8 [1797]."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return {"images": bunch.images.astype(np.uint8), "labels": bunch.target.astype(np.uint8)}


def main() -> None:
    """Write the file."""
    np.savez_compressed(PICTURES, **pictures())
    print(f"{PICTURES}: {PICTURES.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
