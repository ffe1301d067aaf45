"""PlatformIO extra script: makes the model's headers for the app and for tflm_features.

The model is `custom_model` of platformio.ini, or BYTEFED_MODEL of the environment: a name in models/, or the folder of
one of the user's own, as `bytefed flash --model` gives it. Only these two include the headers:
another model or store takes seconds, and TensorFlow Lite Micro is not compiled again.
"""

import json
import os
import re
import sys
from pathlib import Path

Import("env", "projenv")  # type: ignore[name-defined]  # noqa: F821

root = Path(env["PROJECT_DIR"])  # type: ignore[name-defined]  # noqa: F821
sys.path.insert(0, str(root / "tools"))
sys.dont_write_bytecode = True

import model_to_c  # noqa: E402
import monocypher  # noqa: E402


def option(name: str) -> str:
    """Return an option of platformio.ini; the environment variable BYTEFED_NAME overrides it."""
    return os.environ.get(f"BYTEFED_{name.upper()}") or str(env.GetProjectOption(f"custom_{name}"))  # type: ignore[name-defined]  # noqa: F821


generated = Path(env.subst("$BUILD_DIR")) / "model"  # type: ignore[name-defined]  # noqa: F821
model = root / "models" / option("model")  # an absolute path stays as it is
model_to_c.write(model, generated)
manifest = json.loads((model / "manifest.json").read_text(encoding="utf-8"))
classes = manifest["C"]
# A board that takes its own samples has room for labels of its own.
labels = max(classes, int(option("labels"))) if {"sensor_hertz", "sound"} & set(manifest) else classes
if "sound" in manifest and option("microphone") != "yes":
    sys.exit(
        f"Model {option('model')} takes sound, and this board has no microphone; platformio.ini names those that do."
    )

version = re.search(r'^version = "(\d+)\.(\d+)\.(\d+)"', (root / "pyproject.toml").read_text(), re.MULTILINE)
assert version is not None
defines: list[object] = [(f"BYTEFED_{name.upper()}", option(name)) for name in ("capacity", "max_batch")]
defines += [
    (f"BYTEFED_{part}", number)
    for part, number in zip(("MAJOR", "MINOR", "PATCH"), version.groups(), strict=True)
]

defines.append(("BYTEFED_LABELS", labels))

# The core leaves out the loops for heads of other sizes.
least = classes if labels == classes else 2
shared: list[object] = [("BYTEFED_MIN_CLASSES", least), ("BYTEFED_MAX_CLASSES", labels)]
strict: list[str] = []
if option("open") == "yes":
    defines.append("BYTEFED_OPEN")
if option("debug") == "yes":
    shared.append("BYTEFED_DEBUG")
    strict.append("-Werror")  # for developers; another compiler's warnings don't stop a user

projenv.Append(CPPPATH=[str(generated)], CPPDEFINES=defines + shared, CCFLAGS=strict)  # type: ignore[name-defined]  # noqa: F821
for library in env.GetLibBuilders():  # type: ignore[name-defined]  # noqa: F821
    if library.name in ("bytefed", "tflm_features"):
        library.env.Append(CPPDEFINES=shared, CCFLAGS=strict)  # only our own code
    if library.name == "tflm_features":
        library.env.Append(CPPPATH=[str(generated)])
    if library.name == "Monocypher":
        library.env.Append(CPPDEFINES=["BLAKE2_NO_UNROLLING"])  # 8 KB less flash
        if wrong := monocypher.complaint(Path(library.src_dir)):
            sys.exit(wrong)
print(f"Model {option('model')}, store of {option('capacity')} samples")
