"""The head of a run as one file to download: what `bytefed export` writes, in the run's directory, too."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from bytefed.errors import ConfigError
from bytefed.export.files import export
from bytefed.export.trained import Trained

OFFERED = ("npz", "tflite", "c")
"""The formats that the page offers; each needs nothing beyond what boards of the page need."""


def exported(directory: Path, name: str) -> tuple[str, bytes]:
    """Write the head of a run in one format.

    Args:
        directory: The run directory; the file stays in it, under export/.
        name: One of OFFERED.

    Returns:
        The name for the file and its content; of several files, those of "c", a ZIP archive.

    Raises:
        ConfigError: E_EXPORT_FORMAT for a name that is none of OFFERED, and as ``export``.
        BytefedError: As ``Trained.load`` and ``export``.
    """
    if name not in OFFERED:
        raise ConfigError(
            "E_EXPORT_FORMAT", f"The page has no format '{name[:40]}'.", f"Ask for {', '.join(OFFERED)}."
        )
    files = [file.path for file in export(Trained.load(directory), formats=[name]).files]
    if len(files) == 1:
        return f"{directory.name}-{files[0].name}", files[0].read_bytes()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.write(file, f"{file.parent.name}/{file.name}")
    return f"{directory.name}-{files[0].parent.name}.zip", packed.getvalue()
