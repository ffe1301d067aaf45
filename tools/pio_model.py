"""PlatformIO extra script: the model's headers, and what the project says about an image.

The model is `custom_model` of platformio.ini, or BYTEFED_MODEL of the environment.
"""

import os
import re
import sys
from pathlib import Path

Import("env")  # type: ignore[name-defined]  # noqa: F821

root = Path(env["PROJECT_DIR"])  # type: ignore[name-defined]  # noqa: F821
sys.path.insert(0, str(root / "tools"))
sys.dont_write_bytecode = True

import model_to_c  # noqa: E402

name = os.environ.get("BYTEFED_MODEL") or env.GetProjectOption("custom_model")  # type: ignore[name-defined]  # noqa: F821
generated = Path(env.subst("$BUILD_DIR")) / "model"  # type: ignore[name-defined]  # noqa: F821
model_to_c.write(root / "models" / name, generated)

version = re.search(r'^version = "(\d+)\.(\d+)\.(\d+)"', (root / "pyproject.toml").read_text(), re.MULTILINE)
assert version is not None
env.Append(  # type: ignore[name-defined]  # noqa: F821
    CPPPATH=[str(generated)],
    CPPDEFINES=[
        ("BYTEFED_CAPACITY", env.GetProjectOption("custom_capacity")),  # type: ignore[name-defined]  # noqa: F821
        ("BYTEFED_MAX_BATCH", env.GetProjectOption("custom_max_batch")),  # type: ignore[name-defined]  # noqa: F821
        ("BYTEFED_VERSION", "{" + ", ".join(version.groups()) + "}"),
    ],
)
print(f"Model {name}: {env.GetProjectOption('custom_capacity')} samples")  # type: ignore[name-defined]  # noqa: F821
