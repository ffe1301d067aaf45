"""PlatformIO extra script: leaves out sources of libraries that have no place in a board's image.

- Kernels of TensorFlow Lite Micro that no model of a board can use: the library has a hundred, which the linker would
  throw away again; without them the first build takes half the time.
- ArduinoBLE's transport for Mbed: the app has one of its own (firmware/src/arduino/nano/hci_transport.cpp). The Nano's
  platform links all libraries whole, so both would define `HCITransport`.
"""

import sys
from pathlib import Path

Import("env")  # type: ignore[name-defined]  # noqa: F821

sys.path.insert(0, str(Path(env["PROJECT_DIR"]) / "tools"))  # type: ignore[name-defined]  # noqa: F821
sys.dont_write_bytecode = True

import model_to_c  # noqa: E402


def skip_unused(node: object) -> object:
    """Return a source file, or None for one that is left out."""
    path = Path(str(node))
    if path.name == "HCICordioTransport.cpp":
        return None
    if "/tensorflow/lite/micro/kernels/" not in path.as_posix():
        return node
    return node if path.stem.removesuffix("_common") in model_to_c.KERNELS else None


env.AddBuildMiddleware(skip_unused)  # type: ignore[name-defined]  # noqa: F821
