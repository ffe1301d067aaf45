"""bytefed: tiny federated learning on microcontrollers in which every byte is accounted for.

What a program may rely on is here, and docs/scripting.md shows how to use it. Each name is imported from its home when
it is first asked for, so that `import bytefed` takes no time.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # `typing` takes time, and Ctrl-C meanwhile would find nothing of ours to answer it
if TYPE_CHECKING:
    from typing import Any

    from bytefed.api import blob_size as blob_size
    from bytefed.api import estimate as estimate
    from bytefed.api import load_task as load_task
    from bytefed.api import open_boards as open_boards
    from bytefed.api import resume as resume
    from bytefed.api import resume_async as resume_async
    from bytefed.api import run as run
    from bytefed.api import run_async as run_async
    from bytefed.api import simulate as simulate
    from bytefed.api import sweep as sweep
    from bytefed.boards.describe import describe as describe
    from bytefed.data.task import Samples as Samples
    from bytefed.data.task import Task as Task
    from bytefed.errors import BoardError as BoardError
    from bytefed.errors import BytefedError as BytefedError
    from bytefed.errors import ConfigError as ConfigError
    from bytefed.errors import DataError as DataError
    from bytefed.errors import LinkError as LinkError
    from bytefed.errors import ModelError as ModelError
    from bytefed.errors import ProtocolError as ProtocolError
    from bytefed.errors import StoreError as StoreError
    from bytefed.events import BoardAway as BoardAway
    from bytefed.events import BoardBack as BoardBack
    from bytefed.events import BoardJoined as BoardJoined
    from bytefed.events import BoardTrouble as BoardTrouble
    from bytefed.events import Event as Event
    from bytefed.events import Preparing as Preparing
    from bytefed.events import RoundClosed as RoundClosed
    from bytefed.events import RunEnded as RunEnded
    from bytefed.events import RunStarted as RunStarted
    from bytefed.events import Stopping as Stopping
    from bytefed.events import TrackerLost as TrackerLost
    from bytefed.federation.config import RunConfig as RunConfig
    from bytefed.ledger.count import ByteCount as ByteCount
    from bytefed.ledger.count import LedgerError as LedgerError
    from bytefed.ledger.planned_run import Prediction as Prediction
    from bytefed.ledger.wire_size import CODECS as CODECS
    from bytefed.result import RunResult as RunResult
    from bytefed.result import load_run as load_run
    from bytefed.simulation.sweep_run import SweepTable as SweepTable
    from bytefed.strategies.adaptive import FedAdam as FedAdam
    from bytefed.strategies.adaptive import FedAvgM as FedAvgM
    from bytefed.strategies.adaptive import FedYogi as FedYogi
    from bytefed.strategies.base import FedAvg as FedAvg
    from bytefed.strategies.base import FedProx as FedProx
    from bytefed.strategies.base import FromMean as FromMean
    from bytefed.strategies.base import Strategy as Strategy
    from bytefed.strategies.base import Update as Update
    from bytefed.strategies.base import weighted_mean as weighted_mean
    from bytefed.strategies.robust import FedMedian as FedMedian
    from bytefed.strategies.robust import FedTrimmedAvg as FedTrimmedAvg
    from bytefed.strategies.robust import Krum as Krum
    from bytefed.strategies.robust import MultiKrum as MultiKrum
    from bytefed.tracking.tracked import tracked as tracked

_NAMES = {
    "api": "blob_size estimate load_task open_boards resume resume_async run run_async simulate sweep",
    "boards.describe": "describe",
    "data.task": "Samples Task",
    "errors": "BoardError BytefedError ConfigError DataError LinkError ModelError ProtocolError StoreError",
    "events": "BoardAway BoardBack BoardJoined BoardTrouble Event Preparing RoundClosed RunEnded RunStarted Stopping"
    " TrackerLost",
    "federation.config": "RunConfig",
    "ledger.count": "ByteCount LedgerError",
    "ledger.planned_run": "Prediction",
    "ledger.wire_size": "CODECS",
    "result": "RunResult load_run",
    "simulation.sweep_run": "SweepTable",
    "strategies.adaptive": "FedAdam FedAvgM FedYogi",
    "strategies.base": "FedAvg FedProx FromMean Strategy Update weighted_mean",
    "strategies.robust": "FedMedian FedTrimmedAvg Krum MultiKrum",
    "tracking.tracked": "tracked",
}
"""Each home, and what comes from there: for Python what the imports above are for a type checker."""

_HOMES = {name: home for home, names in _NAMES.items() for name in names.split()}

__all__ = [*_HOMES]


if not TYPE_CHECKING:  # a type checker that saw it would let any name pass

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module 'bytefed' has no attribute '{name}'")
        value = getattr(import_module(f"bytefed.{_HOMES[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
