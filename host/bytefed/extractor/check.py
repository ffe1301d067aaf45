"""The rules for a feature extractor: one int8 graph, batch 1, from one input to D features.

A graph that keeps these rules gives the same features on the host and on a board.
"""

from __future__ import annotations

from bytefed.checkout import shipped
from bytefed.extractor import operators
from bytefed.extractor.graph import Graph, graph_of, operator_names
from bytefed.extractor.tflite import Table, corrupt, unsupported

MAX_FEATURES = 4096
MAX_MULTIPLY_ACCUMULATES = 100_000_000
"""The most work for one inference: about a minute on a 64 MHz Cortex-M4."""

ENDS = ("SOFTMAX", "LOGISTIC")
"""Operators that a classifier ends in."""
# Notes whose names begin like this change what the interpreter does: a memory plan, compressed weights. It ignores
# all others.
_ORDERS = ("OfflineMemoryAllocation", "COMPRESSION_METADATA")


def check(model: Table) -> Graph:
    """Check a model and return its graph, or refuse the model.

    Args:
        model: The tables that `tflite.read` returned.

    Returns:
        The graph.

    Raises:
        ModelError: E_MODEL_CORRUPT for a graph that contradicts itself, E_MODEL_UNSUPPORTED for one that
            boards can't run, E_MODEL_PER_CHANNEL for weights that they would silently run wrong.
    """
    if model["version"] != 3 or len(model["subgraphs"]) != 1:
        raise unsupported("it must be of schema version 3 and have one subgraph")
    if any(not note["name"] for note in model["metadata"]):
        raise corrupt("a note of its metadata has no name")
    if any(note["name"].startswith(_ORDERS) for note in model["metadata"]):
        raise unsupported("its metadata steer the interpreter: a memory plan, or compressed weights")
    table = model["subgraphs"][0]
    if len(table["inputs"]) != 1 or len(table["outputs"]) != 1:
        raise unsupported("it must have one input and one output")
    names = operator_names(model)
    _check_names(names)
    graph = graph_of(model, names)
    if names and names[-1] in ENDS:
        raise unsupported(
            f"it ends in {names[-1]}, so it is a classifier with its head on",
            "Take the head off, which boards train: bytefed model add FILE --cut --name NAME",
        )
    _check_ends(graph)
    work = multiply_accumulates(graph)
    if work > MAX_MULTIPLY_ACCUMULATES:
        raise unsupported(f"one inference takes {work:,} multiply-accumulates", "Use a smaller model.")
    return graph


def multiply_accumulates(graph: Graph) -> int:
    """Return the multiply-accumulates of one inference.

    Raises:
        ModelError: As `check`, for an operator that contradicts itself.
    """
    return sum(operators.check(operator) for operator in graph.operators)


def _check_names(names: list[str]) -> None:
    """Refuse operators that boards don't have. The last one of a classifier gets an error of its own later."""
    inner = names[:-1] if names and names[-1] in ENDS else names
    foreign = sorted({name for name in inner if name not in operators.RULES})
    if foreign:
        raise unsupported(
            f"it uses {', '.join(foreign)}; boards run {', '.join(sorted(operators.RULES))}",
            "Build it of layers that become these, and convert it to full int8 as "
            f"{shipped('models/README.md')} shows.",
        )


def _check_ends(graph: Graph) -> None:
    entry, exit_ = graph.input, graph.output
    if not graph.operators or graph.operators[-1].output is not exit_:
        raise corrupt("its last operator does not make its output")
    if not entry.int8 or len(entry.scales) != 1 or entry.constant is not None:
        raise unsupported("its input must be int8 with one scale")
    if len(entry.shape) < 2 or entry.shape[0] != 1:
        raise unsupported(f"its input has the shape {entry.shape}; the batch must be 1")
    if len(exit_.shape) < 2 or exit_.shape[0] != 1 or exit_.size > MAX_FEATURES:
        raise unsupported(
            f"its output has the shape {exit_.shape}; at most {MAX_FEATURES} features of a batch of 1 are needed"
        )
