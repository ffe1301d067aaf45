"""Turns models/NAME/ into C++ headers for the firmware: `python tools/model_to_c.py models/digits OUT`.

`bytefed_model.h` says what the model is (sizes, scales, operators, hash), `bytefed_model_data.h` holds the .tflite
file, and `bytefed_model_sound.h`, where the model takes sound, the tables of the front end. manifest.json and the file
are compared first, so an image can't hold one and report the other.
"""

from __future__ import annotations

import json
import math
import runpy
import sys
import zlib
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

# Operator of a .tflite file -> call of TFLM's MicroMutableOpResolver. Where there are kernels for int8 alone, they are
# used: those for int16 would be dead weight.
RESOLVER = {
    "AVERAGE_POOL_2D": "AddAveragePool2D(tflite::Register_AVERAGE_POOL_2D_INT8())",
    "CONV_2D": "AddConv2D(tflite::Register_CONV_2D_INT8())",
    "DEPTHWISE_CONV_2D": "AddDepthwiseConv2D(tflite::Register_DEPTHWISE_CONV_2D_INT8())",
    "FULLY_CONNECTED": "AddFullyConnected(tflite::Register_FULLY_CONNECTED_INT8())",
    "MAX_POOL_2D": "AddMaxPool2D(tflite::Register_MAX_POOL_2D_INT8())",
    "MEAN": "AddMean()",
    "RESHAPE": "AddReshape()",
}
# TFLM's source files (kernels/NAME.cpp, NAME_common.cpp, cmsis_nn/NAME.cpp) of these operators, and what they share.
KERNELS = ("conv", "depthwise_conv", "fully_connected", "kernel_util", "pooling", "reduce", "reshape")
_AXES = 6  # accelerometer and gyroscope

_HEADER = """\
// Made of models/{name}/ by tools/model_to_c.py; not to be edited.
#pragma once
#include <cstddef>
#include <cstdint>

namespace bytefed_model {{

constexpr uint32_t kHash = {model_hash}u;  // CRC-32 of the .tflite file
constexpr uint16_t kFeatures = {D};
constexpr uint8_t kClasses = {C};
constexpr uint16_t kInputSize = {input_size};
constexpr float kInputScale = {input_scale}f;
constexpr int8_t kInputZeroPoint = {input_zero_point};
constexpr float kFeatureScale = {feature_scale}f;
constexpr int8_t kFeatureZeroPoint = {feature_zero_point};
constexpr size_t kArenaBytes = {arena_bytes};
constexpr size_t kModelBytes = {bytes};

// A window of the motion sensor; no steps: the model takes something else.
constexpr uint16_t kWindowSteps = {steps};
constexpr uint16_t kWindowHertz = {hertz};
{sound}
}}  // namespace bytefed_model
"""

_SOUND = """
// A window of sound. The macro is for what an image without a microphone does not compile.
#define BYTEFED_MODEL_SOUND
constexpr uint16_t kSoundRate = {rate};  // samples a second
constexpr uint16_t kSoundFrame = {frame};
constexpr uint16_t kSoundStep = {step};
constexpr uint8_t kSoundBands = {bands};
constexpr uint16_t kSoundFrames = {frames};
"""

_TABLES = """\
// The front end's tables for the sound that the model takes (SPEC 7.7). Not to be edited.
#pragma once
#include <cstdint>

namespace bytefed_model {{

constexpr int16_t kSoundTables[] = {{
{rows}
}};

}}  // namespace bytefed_model
"""

_DATA = """\
// For the one who runs the model, behind TensorFlow Lite Micro's own headers. Not to be edited.
#pragma once

namespace bytefed_model {{

constexpr unsigned kOps = {op_count};

// True when the resolver took every operator that the model needs.
template <typename Resolver>
bool register_ops(Resolver& resolver) {{
  return {ops};
}}

alignas(16) const unsigned char kModel[] = {{
{rows}
}};

}}  // namespace bytefed_model
"""


def headers(folder: Path) -> dict[str, str]:
    """Return the text of the headers by file name.

    Raises:
        SystemExit: The folder can't be used; the message says what to do.
    """
    manifest = _manifest(folder)
    model = (folder / f"{manifest['name']}.tflite").read_bytes()
    if sha256(model).hexdigest() != manifest["sha256"] or zlib.crc32(model) != manifest["model_hash"]:
        raise SystemExit(
            f"{folder}: the .tflite file is not the one that its manifest describes; copy the folder again."
        )
    texts = {"bytefed_model.h": _description(manifest), "bytefed_model_data.h": _data(manifest, model)}
    if takes_sound(folder):
        texts["bytefed_model_sound.h"] = _TABLES.format(rows=_rows(_sound_tables(manifest["sound"])))
    return texts


def takes_sound(folder: Path) -> bool:
    """Return whether a model takes sound, for which a board needs a microphone."""
    return "sound" in _manifest(folder)


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / "manifest.json"
    if not path.is_file():
        names = ", ".join(sorted(p.parent.name for p in folder.parent.glob("*/manifest.json")))
        raise SystemExit(
            f"There is no model '{folder.name}'; choose one of: {names}. One of your own: "
            f"`bytefed flash BOARD --model {folder.name}`."
        )
    manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    unknown = set(manifest["ops"]) - set(RESOLVER)
    if unknown:
        raise SystemExit(
            f"{path}: no board runs {', '.join(sorted(unknown))}; use the operators in models/README.md."
        )
    return manifest


def _description(manifest: dict[str, Any]) -> str:
    shape, hertz = manifest["input_shape"], manifest.get("sensor_hertz", 0)
    if hertz and (shape[1:] != [1, _AXES] or not 1 <= hertz <= 1000):
        raise SystemExit(
            f"{manifest['name']}: sensor_hertz is for inputs of [steps, 1, {_AXES}], 1 to 1000; see models/README.md."
        )
    fields = {**manifest, "input_size": math.prod(shape), "steps": shape[0] if hertz else 0, "hertz": hertz}
    fields["sound"] = _SOUND.format(**manifest["sound"]) if "sound" in manifest else ""
    return _HEADER.format(**fields)


def _data(manifest: dict[str, Any], model: bytes) -> str:
    ops = " &&\n         ".join(f"resolver.{RESOLVER[op]} == kTfLiteOk" for op in manifest["ops"])
    return _DATA.format(op_count=len(manifest["ops"]), ops=ops, rows=_rows(model))


def _rows(values: Sequence[int]) -> str:
    rows = (values[i : i + 24] for i in range(0, len(values), 24))
    return "\n".join("    " + "".join(f"{value}," for value in row) for row in rows)


def _sound_tables(sizes: dict[str, int]) -> list[int]:
    """Return the tables of a front end, by the host's own module, which needs nothing of the host's packages."""
    here = Path(__file__).resolve().parent
    places = (here, here.parent / "host" / "bytefed" / "extractor")  # in a wheel's sources, in a checkout
    path = next(place / "sound_tables.py" for place in places if (place / "sound_tables.py").is_file())
    tables = runpy.run_path(str(path))["tables"]
    found: list[int] = tables(*(sizes[name] for name in ("rate", "frame", "bands", "low", "high")))
    return found


def write(folder: Path, out: Path) -> None:
    """Write the headers to `out`, touching only what has changed so that builds stay short."""
    out.mkdir(parents=True, exist_ok=True)
    for name, text in headers(folder).items():
        path = out / name
        if not path.is_file() or path.read_text(encoding="ascii") != text:
            path.write_text(text, encoding="ascii")


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]))
