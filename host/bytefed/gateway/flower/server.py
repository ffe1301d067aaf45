"""The ServerApp: applies a Flower strategy to the rooms' means, and sums their byte counts.

Keys of the run's configuration: rounds, rooms (how many to wait for), data (a task by name, to evaluate on), output
(a file for the figures of all rounds, as JSON).
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from flwr.app import ArrayRecord, Context, MetricRecord, RecordDict
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg

from bytefed.data import Task, load_task
from bytefed.federation import evaluation as central
from bytefed.federation.rules import initial_head
from bytefed.gateway.flower.client import METRICS

_LOOK = 0.5  # seconds between two looks for rooms

app = ServerApp()


def sums(replies: list[RecordDict], weighting: str) -> MetricRecord:
    """Return the sums of the rooms' byte counts, and the mean loss over samples where boards told it."""
    records: list[Any] = [reply["metrics"] for reply in replies]
    examples = sum(record[weighting] for record in records)
    total = {name: sum(record[name] for record in records) for name in METRICS}
    told = [(record[weighting], record["loss"]) for record in records if "loss" in record]
    loss = {"loss": sum(n * loss for n, loss in told) / sum(n for n, _ in told)} if told else {}
    return MetricRecord({**total, weighting: examples, **loss, "rooms": len(records)})


def wait_for_rooms(grid: Grid, rooms: int, patience: float = 300.0) -> None:
    """Wait until the rooms are there (with min_available_nodes Flower draws its sample before it waits).

    Raises:
        TimeoutError: Some rooms don't come in time.
    """
    until = time.monotonic() + patience
    while len(list(grid.get_node_ids())) < rooms:
        if time.monotonic() > until:
            raise TimeoutError(f"{rooms} rooms were waited for, in vain")
        time.sleep(_LOOK)


@app.main()
def main(grid: Grid, context: Context) -> None:
    """Train for some rounds, and write the figures of each."""
    config = context.run_config
    rooms, rounds = int(config["rooms"]), int(config["rounds"])
    task = load_task(str(config["data"]))
    wait_for_rooms(grid, rooms)
    strategy = FedAvg(
        fraction_evaluate=0.0,
        min_train_nodes=1,
        min_available_nodes=1,  # a room that is away does not stop the others
        train_metrics_aggr_fn=sums,
    )
    started = time.monotonic()
    result = strategy.start(
        grid,
        ArrayRecord([initial_head(task)]),
        num_rounds=rounds,
        timeout=float(config["timeout"]),
        evaluate_fn=lambda _number, arrays: evaluate(task, arrays),
    )
    document = {
        "seconds": round(time.monotonic() - started, 3),
        "rounds": {
            number: {**dict(result.train_metrics_clientapp.get(number, {})), **dict(metrics)}
            for number, metrics in result.evaluate_metrics_serverapp.items()
        },
    }
    Path(str(config["output"])).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def evaluate(task: Task, arrays: ArrayRecord) -> MetricRecord:
    """Return the accuracy and loss of a head on the global test set."""
    [head] = arrays.to_numpy_ndarrays()
    score = central.evaluate(task, head, task.test)
    return MetricRecord({"accuracy": score.accuracy, "loss_global": score.loss})
