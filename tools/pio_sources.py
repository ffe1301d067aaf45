"""PlatformIO extra script: leaves out sources of libraries that have no place in a board's image.

- Kernels of TensorFlow Lite Micro that no model of a board can use: the library has a hundred, which the linker would
  throw away again; without them the first build takes half the time.
- ArduinoBLE's transport for Mbed: the app has one of its own (firmware/src/arduino/nano/hci_transport.cpp). The Nano's
  platform links all libraries whole, so both would define `HCITransport`.
- The cores' library of the PDM microphone, where the model takes no sound: PlatformIO finds it by its header, whether
  or not the app includes that, and linked whole it would take memory on the Nano.
"""

import json
import os
import sys
from pathlib import Path

Import("env")  # type: ignore[name-defined]  # noqa: F821

root = Path(env["PROJECT_DIR"])  # type: ignore[name-defined]  # noqa: F821
sys.path.insert(0, str(root / "tools"))
sys.dont_write_bytecode = True

import model_to_c  # noqa: E402

name = os.environ.get("BYTEFED_MODEL") or str(env.GetProjectOption("custom_model"))  # type: ignore[name-defined]  # noqa: F821
manifest = root / "models" / name / "manifest.json"
hears = manifest.is_file() and "sound" in json.loads(manifest.read_text(encoding="utf-8"))


def skip_unused(node: object) -> object:
    """Return a source file, or None for one that is left out."""
    path = Path(str(node))
    if path.name == "HCICordioTransport.cpp" or ("libraries/PDM/" in path.as_posix() and not hears):
        return None
    if "/tensorflow/lite/micro/kernels/" not in path.as_posix():
        return node
    return node if path.stem.removesuffix("_common") in model_to_c.KERNELS else None


env.AddBuildMiddleware(skip_unused)  # type: ignore[name-defined]  # noqa: F821
