"""The strategies by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bytefed.errors import ConfigError
from bytefed.strategies.adaptive import FedAdam, FedAvgM, FedYogi
from bytefed.strategies.base import FedAvg, Strategy
from bytefed.strategies.robust import FedMedian, FedTrimmedAvg, Krum, MultiKrum

if TYPE_CHECKING:
    from bytefed.federation.config import RunConfig

STRATEGIES = (
    "fedavg", "fedavgm", "fedprox", "fedadam", "fedyogi", "fedmedian", "fedtrimmedavg", "krum", "multikrum",
)  # fmt: skip


def strategy_of(config: RunConfig) -> Strategy:
    """Return the strategy of a run, new: it remembers nothing.

    Raises:
        ConfigError: E_CONFIG_STRATEGY if there is none of that name, E_CONFIG_RANGE for a beta that can't be.
    """
    name, moments = config.strategy, (config.beta_1, config.beta_2, config.tau)
    match name:
        case "fedavg" | "fedprox":  # the proximal term is the boards' matter (SPEC.md section 7)
            return FedAvg()
        case "fedavgm":
            return FedAvgM(config.server_learning_rate, config.server_momentum)
        case "fedadam":
            return FedAdam(config.eta or 1e-1, *moments)
        case "fedyogi":
            return FedYogi(config.eta or 1e-2, *moments)
        case "fedmedian":
            return FedMedian()
        case "fedtrimmedavg":
            return FedTrimmedAvg(config.beta)
        case "krum":
            return Krum(config.num_malicious_nodes)
        case "multikrum":
            return MultiKrum(config.num_malicious_nodes, config.num_nodes_to_select)
    raise ConfigError(
        "E_CONFIG_STRATEGY", f"There is no strategy '{name}'.", f"Take one of: {', '.join(STRATEGIES)}."
    )
