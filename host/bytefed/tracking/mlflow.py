"""MLflow: a run in its store, by its client."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from bytefed.tracking.tracker import Subject

_EXPERIMENT = "bytefed"
_TAG = "bytefed.run"


class MLflow:
    """Keeps a run in the experiment $MLFLOW_EXPERIMENT_NAME, or `bytefed`.

    Args:
        place: URI of MLflow's store or server; "" for $MLFLOW_TRACKING_URI, or MLflow's own default.
    """

    def __init__(self, place: str) -> None:
        self._place = place
        self._client: Any = None
        self._run = ""

    def begin(self, subject: Subject) -> None:
        """Start MLflow's run, or go on with the one that has this run's number."""
        from mlflow import MlflowClient
        from mlflow.entities import Param

        self._client = client = MlflowClient(tracking_uri=self._place or None)
        experiment = self._experiment()
        known = client.search_runs([experiment], f"tags.`{_TAG}` = '{subject.number}'", max_results=1)
        if known:
            self._run = known[0].info.run_id
            client.update_run(self._run, status="RUNNING")
            return
        started = client.create_run(experiment, run_name=subject.name, tags={_TAG: subject.number})
        self._run = started.info.run_id
        # MLflow has no empty words.
        keys = [Param(name, str(value)) for name, value in subject.keys.items() if value != ""]
        client.log_batch(self._run, params=keys)

    def _experiment(self) -> str:
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", _EXPERIMENT)
        found = self._client.get_experiment_by_name(name)
        return str(found.experiment_id if found else self._client.create_experiment(name))

    def scalars(self, step: int, values: Mapping[str, float], at: float) -> None:
        """Log figures at the moment at which they were known."""
        from mlflow.entities import Metric

        milliseconds = int(1000 * at)
        self._client.log_batch(
            self._run, metrics=[Metric(name, value, milliseconds, step) for name, value in values.items()]
        )

    def end(self, *, complete: bool) -> None:
        """End MLflow's run; one that Ctrl-C or an error ended is KILLED until it is resumed."""
        self._client.set_terminated(self._run, "FINISHED" if complete else "KILLED")
