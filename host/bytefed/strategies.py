"""The strategies by name."""

from __future__ import annotations

from bytefed.errors import ConfigError
from bytefed.robust import FedMedian, FedTrimmedAvg, Krum, MultiKrum
from bytefed.strategy import FedAvg, Strategy

STRATEGIES = ("fedavg", "fedmedian", "fedtrimmedavg", "krum", "multikrum")


def strategy(
    name: str, *, beta: float = 0.2, num_malicious_nodes: int = 0, num_nodes_to_select: int = 1
) -> Strategy:
    """Return a strategy by its name.

    Args:
        name: One of STRATEGIES.
        beta: Of FedTrimmedAvg.
        num_malicious_nodes: Of Krum and MultiKrum.
        num_nodes_to_select: Of MultiKrum.

    Raises:
        ConfigError: E_CONFIG_STRATEGY if there is none of that name, E_CONFIG_RANGE for a beta that can't be.
    """
    match name:
        case "fedavg":
            return FedAvg()
        case "fedmedian":
            return FedMedian()
        case "fedtrimmedavg":
            return FedTrimmedAvg(beta)
        case "krum":
            return Krum(num_malicious_nodes)
        case "multikrum":
            return MultiKrum(num_malicious_nodes, num_nodes_to_select)
    raise ConfigError(
        "E_CONFIG_STRATEGY", f"There is no strategy '{name}'.", f"Take one of: {', '.join(STRATEGIES)}."
    )
