"""Runs the job of benchmarks/simulate.py in Flower's own simulation engine (Ray), with the training of bytefed's core.

Run by benchmarks/simulate.py in an environment with flwr[simulation]; prints the seconds of each round as JSON. The
clients do the same training with the same compiled kernel, so only the engines differ.

    python benchmarks/flower_sim.py CLIENTS ROUNDS
"""

from __future__ import annotations

import json
import os
import sys
import time

os.environ |= {
    "FLWR_TELEMETRY_ENABLED": "0",
    "FLWR_DISABLE_UPDATE_CHECK": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
}

import numpy as np
from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg
from flwr.simulation import run_simulation

D, C, SAMPLES, EPOCHS = 64, 10, 32, 5
client_app, server_app = ClientApp(), ServerApp()
seconds: list[float] = []


@client_app.train()
def train(message: Message, context: Context) -> Message:
    """Train one client on its own samples."""
    from bytefed import _core

    client = int(context.node_config["partition-id"])
    random = np.random.default_rng(client)
    x = random.integers(-40, 41, (SAMPLES, D), np.int8)
    y = random.integers(0, C, SAMPLES, np.uint8)
    head = message.content["arrays"].to_numpy_ndarrays()[0].copy()
    loss, _ = _core.train(
        head, x, y, C, scale=1 / 64, zero_point=0, epochs=EPOCHS, batch=1, rate=0.05, seed=client, round=1
    )
    metrics = MetricRecord({"num-examples": SAMPLES, "loss": float(loss)})
    content = RecordDict({"arrays": ArrayRecord([head]), "metrics": metrics})
    return Message(content, reply_to=message)


@server_app.main()
def main(grid: Grid, _context: Context) -> None:
    """Average rounds and measure their time, from one evaluation on the server to the next."""
    times: list[float] = []

    def stamp(_round: int, _arrays: ArrayRecord) -> MetricRecord:
        times.append(time.perf_counter())
        return MetricRecord({"nothing": 0.0})

    rounds = int(os.environ["BENCH_ROUNDS"])
    FedAvg(fraction_evaluate=0.0, min_available_nodes=2, min_train_nodes=2).start(
        grid, ArrayRecord([np.zeros(D * C + C, np.float32)]), num_rounds=rounds, evaluate_fn=stamp
    )
    seconds.extend(np.diff(times))


if __name__ == "__main__":
    clients, os.environ["BENCH_ROUNDS"] = int(sys.argv[1]), sys.argv[2]
    resources = {
        "client_resources": {"num_cpus": 1, "num_gpus": 0.0},
        "init_args": {"num_cpus": os.cpu_count()},
    }
    run_simulation(server_app, client_app, clients, backend_config=resources)
    print(json.dumps([float(s) for s in seconds]))
