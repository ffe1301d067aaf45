"""A classifier without its head: the graph up to the input of its last layer, as a .tflite file of its own."""

from __future__ import annotations

from typing import Any

from bytefed.checkout import shipped
from bytefed.errors import ModelError
from bytefed.extractor import tflite
from bytefed.extractor.check import ENDS
from bytefed.extractor.edit import schema
from bytefed.extractor.graph import operator_names
from bytefed.extractor.tflite import corrupt

_HEADS = ("FULLY_CONNECTED", "CONV_2D")


def cut(model: bytes) -> tuple[bytes, int]:
    """Take the head off a classifier: its last FULLY_CONNECTED (or CONV_2D) layer and what follows.

    The rest stays the same to the byte: weights, scales and shapes. Tensors and buffers that nothing reads any more
    are left out, and so are the notes that tools added.

    Args:
        model: The .tflite file.

    Returns:
        The new file, whose output is the former input of the head; and the number of outputs that the head had.

    Raises:
        ModelError: E_MODEL_CORRUPT, as `tflite.read` raises it; E_MODEL_HEAD if no such layer is at the end.
        ConfigError: E_CONFIG_EXTRA if a package that it needs is not installed.
    """
    read = tflite.read(model)
    if len(read["subgraphs"]) != 1:
        raise _no_head("it has several subgraphs")
    at = _head(operator_names(read))
    tables, flatbuffers = schema()
    try:
        table = tables.ModelT.InitFromObj(tables.Model.GetRootAsModel(bytearray(model), 0))
        outputs = _keep(table, at)
        builder = flatbuffers.Builder(len(model))
        builder.Finish(table.Pack(builder), b"TFL3")
    except Exception as error:  # the schema's reader does not check what `tflite.read` left unread
        raise corrupt(f"its tables can't be read ({type(error).__name__}: {error})") from error
    return bytes(builder.Output()), outputs


def _head(names: list[str]) -> int:
    """Return the index of the head: the last operator with weights, followed only by a softmax and reshapes."""
    at = len(names) - 1
    while at >= 0 and names[at] in (*ENDS, "RESHAPE"):
        at -= 1
    if at < 1:
        raise _no_head("it has no layer that could be a head, after others that stay")
    if names[at] not in _HEADS:
        raise _no_head(f"its last layer is {names[at]}")
    return at


def _keep(table: Any, operators: int) -> int:
    """Keep the first operators of a model's graph and what they need; return the next one's output size."""
    graph = table.subgraphs[0]
    head = graph.operators[operators]
    graph.operators, graph.outputs = graph.operators[:operators], [head.inputs[0]]
    outputs = int(graph.tensors[head.outputs[0]].shape[-1])
    named = {int(n) for op in graph.operators for n in (*op.inputs, *op.outputs) if n >= 0}
    tensors = sorted(named | {int(n) for n in (*graph.inputs, *graph.outputs)})
    number_of = {old: new for new, old in enumerate(tensors)} | {-1: -1}
    graph.tensors = [graph.tensors[old] for old in tensors]
    for op in graph.operators:
        op.inputs = [number_of[int(n)] for n in op.inputs]
        op.outputs = [number_of[int(n)] for n in op.outputs]
    graph.inputs = [number_of[int(n)] for n in graph.inputs]
    graph.outputs = [number_of[int(n)] for n in graph.outputs]
    # Buffer 0 is the empty one, by the schema.
    buffers = [0, *sorted({int(tensor.buffer) for tensor in graph.tensors} - {0})]
    table.buffers = [table.buffers[old] for old in buffers]
    codes = sorted({int(op.opcodeIndex) for op in graph.operators})
    table.operatorCodes = [table.operatorCodes[old] for old in codes]
    for tensor in graph.tensors:
        tensor.buffer = buffers.index(int(tensor.buffer))
    for op in graph.operators:
        op.opcodeIndex = codes.index(int(op.opcodeIndex))
    table.signatureDefs, table.metadata, table.metadataBuffer = None, None, None
    return outputs


def _no_head(why: str) -> ModelError:
    return ModelError(
        "E_MODEL_HEAD",
        f"The model has no head that can be cut off: {why}.",
        "If it makes features already, leave --cut out; else cut it where it is trained, as "
        f"{shipped('models/README.md')} shows.",
    )
