"""Makes extractors on first use: trains them with their script under models/, and keeps them in the cache."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from bytefed.checkout import PACKAGE
from bytefed.errors import ConfigError, ModelError
from bytefed.extractor.manifest import FILE_NAME, MODEL_FOLDERS, PLAIN


def make_model(name: str, data_dir: Path | None) -> None:
    """Train an extractor, plain and whitened, unless both are there already. Its script shows the progress.

    Args:
        name: Name of the task and of the folder under models/.
        data_dir: Folder with its raw data; None to download them.

    Raises:
        ConfigError: E_CONFIG_EXTRA if TensorFlow is not installed.
        ModelError: E_MODEL_TRAINING if training failed.
    """
    if all(
        any((folder / made / FILE_NAME).is_file() for folder in MODEL_FOLDERS)
        for made in (name, name + PLAIN)
    ):
        return
    if importlib.util.find_spec("tensorflow") is None:
        raise ConfigError(
            "E_CONFIG_EXTRA",
            f"The extractor of '{name}' is trained on first use, which needs TensorFlow.",
            "Run: pip install tensorflow",
        )
    command = [sys.executable, "-m", f"models.{name}.train"]
    if data_dir is not None:
        command += ["--data-dir", str(data_dir.resolve())]
    folders = [str(folder.parent) for folder in MODEL_FOLDERS if (folder / name / "train.py").is_file()]
    paths = [*folders, str(PACKAGE.parent), os.environ.get("PYTHONPATH", "")]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    sys.stderr.write(f"Training the extractor of {name}: once, some minutes.\n")
    if subprocess.run(command, env=environment, stdout=sys.stderr, check=False).returncode != 0:
        raise ModelError(
            "E_MODEL_TRAINING", f"The extractor of '{name}' could not be trained.", "See the messages above."
        )
