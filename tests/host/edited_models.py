"""Well-formed .tflite files: bytefed's own, with something changed in their tables."""

from __future__ import annotations

from bytefed.extractor.manifest import model_folder

MODEL = (model_folder("digits_plain") / "digits_plain.tflite").read_bytes()
MOTION = (model_folder("motion_plain") / "motion_plain.tflite").read_bytes()


def edited(change, model: bytes = MODEL) -> bytes:
    """A well-formed .tflite file with something changed in its tables."""
    import flatbuffers
    from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

    table = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(bytearray(model), 0))
    change(table)
    builder = flatbuffers.Builder(len(model))
    builder.Finish(table.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def operator(table, name: str):
    """The first operator of a kind, and its tensors."""
    from tflite_micro.tensorflow.lite.micro.python.schema_py_generated import BuiltinOperator

    graph = table.subgraphs[0]
    for op in graph.operators:
        if table.operatorCodes[op.opcodeIndex].builtinCode == getattr(BuiltinOperator, name):
            return op, [graph.tensors[i] for i in op.inputs], graph.tensors[op.outputs[0]]
    raise LookupError(name)


def add_operator(table, name: str, options_type: int, options, shape) -> None:
    """Put an operator at the end, which reads what was the output and makes an int8 tensor of another shape."""
    from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

    graph = table.subgraphs[0]
    before = graph.tensors[graph.outputs[0]]
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, name)
    table.operatorCodes.append(code)
    after = schema.TensorT()
    after.name, after.shape, after.type, after.buffer = name.encode(), list(shape), before.type, 0
    after.quantization = schema.QuantizationParametersT()
    after.quantization.scale, after.quantization.zeroPoint = [1 / 256], [-128]
    graph.tensors.append(after)
    op = schema.OperatorT()
    op.opcodeIndex, op.inputs, op.outputs = (
        len(table.operatorCodes) - 1,
        list(graph.outputs),
        [len(graph.tensors) - 1],
    )
    op.builtinOptionsType, op.builtinOptions = options_type, options
    graph.operators.append(op)
    graph.outputs = list(op.outputs)


def with_softmax(table) -> None:
    """Make a classifier of it: a softmax over what were its features."""
    from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

    options = schema.SoftmaxOptionsT()
    options.beta = 1.0
    graph = table.subgraphs[0]
    add_operator(
        table, "SOFTMAX", schema.BuiltinOptions.SoftmaxOptions, options, graph.tensors[graph.outputs[0]].shape
    )
