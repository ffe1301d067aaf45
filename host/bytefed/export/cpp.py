"""A classifier as a C++ header, for sketches that know nothing of bytefed."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from bytefed.data.task import Extraction
from bytefed.export.classifier import Classifier
from bytefed.export.trained import Trained
from bytefed.extractor import tflite
from bytefed.extractor.check import check

_RESOLVER = {
    "AVERAGE_POOL_2D": "AddAveragePool2D",
    "CONV_2D": "AddConv2D",
    "DEPTHWISE_CONV_2D": "AddDepthwiseConv2D",
    "DEQUANTIZE": "AddDequantize",
    "FULLY_CONNECTED": "AddFullyConnected",
    "MAX_POOL_2D": "AddMaxPool2D",
    "RESHAPE": "AddReshape",
}
"""Operator -> method of TFLM's MicroMutableOpResolver that adds it."""

_SPARE = 1024
"""Bytes of the arena beyond those measured: releases of the library differ by some dozens."""

_COMMON = """\
// Made by bytefed of the run {run}; not to be edited.
#pragma once
#include <math.h>
#include <stdint.h>

namespace classifier {{

constexpr int kClasses = {C};
const char* const kLabels[kClasses] = {{{labels}}};

// The index of the largest score; of equal ones the first.
template <typename Score>
int largest(const Score* scores) {{
  int best = 0;
  for (int c = 1; c < kClasses; ++c) {{
    if (scores[c] > scores[best]) best = c;
  }}
  return best;
}}
"""

_MODEL = """\

// Inputs of the model, {shape}, and what their int8 codes mean.
constexpr int kInputs = {inputs};
inline int8_t quantize(float value) {{
  const float code = floorf(value / {scale} + 0.5f) + {zero_point};
  return static_cast<int8_t>(code < -128 ? -128 : code > 127 ? 127 : code);
}}

// The label's index, of the model's output ({head} scores).
template <typename Tensor>
int label(const Tensor* output) {{
  return largest(output->data.{member});
}}

constexpr unsigned kOps = {op_count};
template <typename Resolver>
bool add_ops(Resolver& resolver) {{
  return {ops};
}}

constexpr int kArenaBytes = {arena};  // {measured} on a 64-bit machine, a board less; the rest is for other versions
alignas(16) const unsigned char kModel[] = {{
{rows}
}};

}}  // namespace classifier
"""

_HEAD = """\

constexpr int kFeatures = {D};
const float kWeights[kFeatures * kClasses] = {{
{weights}
}};
const float kBiases[kClasses] = {{
{biases}
}};
{quantize}
// The label's index, of the codes of all features; by the arithmetic of bytefed's boards.
inline int label(const int8_t* codes) {{
  float scores[kClasses] = {{}};
  for (int i = 0; i < kFeatures; ++i) {{
    const float x = static_cast<float>(codes[i] - {zero_point});
    for (int c = 0; c < kClasses; ++c) scores[c] += kWeights[i * kClasses + c] * x;
  }}
  for (int c = 0; c < kClasses; ++c) scores[c] = kBiases[c] + {scale} * scores[c];
  return largest(scores);
}}

}}  // namespace classifier
"""

_COLUMNS = """\

// Each feature has a code of its own: where 0 is, and how large a step.
const double kOffset[kFeatures] = {{
{offset}
}};
const double kStep[kFeatures] = {{
{step}
}};
inline int8_t quantize(int feature, double value) {{
  const double code = floor((value - kOffset[feature]) / kStep[feature] + 0.5);
  return static_cast<int8_t>(code < -128 ? -128 : code > 127 ? 127 : code);
}}
"""

_CODES = """\

// Features are int8 codes from the start.
inline int8_t quantize(int, double code) {
  return static_cast<int8_t>(code < -128 ? -128 : code > 127 ? 127 : code);
}
"""


def model_header(trained: Trained, extraction: Extraction, made: Classifier) -> str:
    """Return the header of a classifier that runs on TensorFlow Lite Micro."""
    entry = check(tflite.read(extraction.model)).input
    ops = " &&\n         ".join(f"resolver.{_RESOLVER[name]}() == 0" for name in made.operators)
    rows = (made.model[i : i + 24] for i in range(0, len(made.model), 24))
    return _common(trained) + _MODEL.format(
        shape=" x ".join(str(n) for n in entry.shape[1:]),
        inputs=entry.size,
        scale=_float(entry.quantization.scale),
        zero_point=entry.quantization.zero_point,
        head=made.head,
        member="int8" if made.head == "int8" else "f",
        op_count=len(made.operators),
        ops=ops,
        arena=made.arena_bytes + _SPARE,
        measured=made.arena_bytes,
        rows="\n".join("    " + "".join(f"{byte}," for byte in row) for row in rows),
    )


def head_header(trained: Trained) -> str:
    """Return the header of a head alone, for features that something else makes."""
    task = trained.task
    quantize = (
        _CODES
        if task.columns is None
        else _COLUMNS.format(
            offset=_values(task.columns.offset.tolist(), double=True),
            # A column that never varied has an infinite step, so that its codes are all 0.
            step=_values((min(step, 1e300) for step in task.columns.step.tolist()), double=True),
        )
    )
    return _common(trained) + _HEAD.format(
        D=task.D,
        weights=_values(trained.W.ravel().tolist()),
        biases=_values(trained.b.tolist()),
        quantize=quantize,
        scale=_float(task.quantization.scale),
        zero_point=task.quantization.zero_point,
    )


def _common(trained: Trained) -> str:
    run = re.sub(r"[^\w.-]", "_", trained.directory.resolve().name, flags=re.ASCII)
    labels = ", ".join(f'"{_escaped(label)}"' for label in trained.labels)
    return _COMMON.format(run=run, C=trained.task.num_classes, labels=labels)


def _escaped(text: str) -> str:
    """Return text for a string literal: UTF-8, in octal where it is no plain letter."""
    plain = re.compile(rb"[A-Za-z0-9 _.,:;+*/=()<>-]")
    data = text.encode("utf-8", "replace")
    return "".join(chr(byte) if plain.match(bytes([byte])) else f"\\{byte:03o}" for byte in data)


def _float(value: float) -> str:
    """Return a float32 as a literal with all its digits."""
    return f"{value:.9g}f" if math.modf(value)[0] and "." in f"{value:.9g}" else f"{value:.9e}f"


def _values(values: Iterable[float], *, double: bool = False) -> str:
    texts = [f"{value:.17e}" if double else _float(value) for value in values]
    rows = (texts[i : i + 6] for i in range(0, len(texts), 6))
    return "\n".join("    " + ", ".join(row) + "," for row in rows)
