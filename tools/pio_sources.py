"""PlatformIO extra script: leaves out sources of libraries that have no place in a board's image.

- Kernels of TensorFlow Lite Micro that no model of a board can use: the library has a hundred, which the linker would
  throw away again; without them the first build takes half the time.
- ArduinoBLE's transport for Mbed: the app has one of its own (firmware/src/arduino/nano/hci_transport.cpp). The Nano's
  platform links all libraries whole, so both would define `HCITransport`.
- The cores' library for the microphone, where the model takes no sound: linked whole, it would take memory and an
  interrupt.
"""

import os
import sys
from pathlib import Path

Import("env")  # type: ignore[name-defined]  # noqa: F821

sys.path.insert(0, str(Path(env["PROJECT_DIR"]) / "tools"))  # type: ignore[name-defined]  # noqa: F821
sys.dont_write_bytecode = True

import model_to_c  # noqa: E402

model = os.environ.get("BYTEFED_MODEL") or str(env.GetProjectOption("custom_model"))  # type: ignore[name-defined]  # noqa: F821
sound = model_to_c.takes_sound(Path(env["PROJECT_DIR"]) / "models" / model)  # type: ignore[name-defined]  # noqa: F821


def skip_unused(node: object) -> object:
    """Return a source file, or None for one that is left out."""
    path = Path(str(node))
    if path.name == "HCICordioTransport.cpp" or (path.name == "PDM.cpp" and not sound):
        return None
    if "/tensorflow/lite/micro/kernels/" not in path.as_posix():
        return node
    return node if path.stem.removesuffix("_common") in model_to_c.KERNELS else None


env.AddBuildMiddleware(skip_unused)  # type: ignore[name-defined]  # noqa: F821
