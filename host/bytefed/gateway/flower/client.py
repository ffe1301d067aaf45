"""The ClientApp of a room: it hands the global head to the room's gateway, and the room's mean back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp

from bytefed.gateway.client import ask
from bytefed.runs.numbers import readable

METRICS = ("participants", "boards", "link_bytes", "link_estimate", "wide_down", "wide_up")
"""The metrics that are summed over rooms."""

app = ClientApp()


def run_number(flower_run: int) -> int:
    """Return the number by which boards know a run, 1 to 2^32 - 1, made from Flower's 64 bits."""
    return readable(flower_run % (2**32 - 1) + 1)


@app.train()
def train(message: Message, context: Context) -> Message:
    """Let the room's boards train; the node's configuration has the socket: `--node-config 'socket="/run/a.sock"'`."""
    [head] = message.content["arrays"].to_numpy_ndarrays()
    number = int(message.content["config"]["server-round"])
    socket = Path(str(context.node_config["socket"]))
    answer, mean = asyncio.run(ask(socket, run_number(context.run_id), number, head.astype(np.float32)))
    metrics = {name: int(answer[name]) for name in METRICS}
    loss = {} if answer["loss"] is None else {"loss": float(answer["loss"])}  # in rounds with statistics
    record = MetricRecord({"num-examples": int(answer["num_examples"]), **loss, **metrics})
    return Message(RecordDict({"arrays": ArrayRecord([mean]), "metrics": record}), reply_to=message)
