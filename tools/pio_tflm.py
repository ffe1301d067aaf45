"""PlatformIO extra script: compiles only those kernels of TensorFlow Lite Micro that boards can register.

The library has a hundred kernels, which the linker would throw away again; without them the first build takes half the
time.
"""

import sys
from pathlib import Path

Import("env")  # type: ignore[name-defined]  # noqa: F821

sys.path.insert(0, str(Path(env["PROJECT_DIR"]) / "tools"))  # type: ignore[name-defined]  # noqa: F821
sys.dont_write_bytecode = True

import model_to_c  # noqa: E402


def skip_unused(node: object) -> object:
    """Return a source file, or None for a kernel that no model of a board can use."""
    path = Path(str(node))
    if "/tensorflow/lite/micro/kernels/" not in path.as_posix():
        return node
    return node if path.stem.removesuffix("_common") in model_to_c.KERNELS else None


env.AddBuildMiddleware(skip_unused)  # type: ignore[name-defined]  # noqa: F821
