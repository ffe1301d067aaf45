"""Compares runtimes of extractors with TensorFlow Lite Micro, feature by feature: `python benchmarks/runtimes.py`.

bytefed's own (`bytefed.extractor.integers`) on 6,000 random inputs of each model; LiteRT, where ai-edge-litert is
installed, on 300, with each of its sets of kernels.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from bytefed.extractor.extractor import Extractor, golden_inputs, read_model
from bytefed.extractor.manifest import is_shipped, model_folder, model_names
from bytefed.extractor.runtime import Whole

RESOLVERS = ("BUILTIN_WITHOUT_DEFAULT_DELEGATES", "BUILTIN_REF", "BUILTIN")
Run = Callable[[np.ndarray], np.ndarray]


def lite_rt(model: bytes, resolver: str) -> Run:
    """Return LiteRT with a model."""
    from ai_edge_litert import interpreter

    kind = getattr(interpreter.OpResolverType, resolver)
    runs = interpreter.Interpreter(model_content=model, experimental_op_resolver_type=kind, num_threads=1)
    runs.allocate_tensors()
    (source,), (output,) = runs.get_input_details(), runs.get_output_details()

    def run(inputs: np.ndarray) -> np.ndarray:
        found = []
        for sample in inputs:
            runs.set_tensor(source["index"], sample[np.newaxis])
            runs.invoke()
            found.append(runs.get_tensor(output["index"]).ravel())
        return np.stack(found)

    return run


def compare(what: str, make: Callable[[bytes], Run], count: int) -> None:
    """Print how many features differ, over all models."""
    different = features = 0
    for name in filter(is_shipped, model_names()):
        model = read_model(model_folder(name) / f"{name}.tflite")
        reference = Extractor(model)
        inputs = golden_inputs(5, count, reference.input_shape)
        expected = reference.extract(inputs)
        different += int((make(model)(inputs) != expected).sum())
        features += expected.size
    print(f"{what}: {different:,} of {features:,} features differ")


def main() -> None:
    """Compare all that are installed."""
    compare("bytefed's own", lambda model: Whole.of(model).run, 6000)
    try:
        import ai_edge_litert  # noqa: F401
    except ImportError:
        print("LiteRT: not installed (pip install ai-edge-litert)")
        return
    for resolver in RESOLVERS:
        compare(f"LiteRT, {resolver}", partial(lite_rt, resolver=resolver), 300)


if __name__ == "__main__":
    main()
