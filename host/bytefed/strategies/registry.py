"""Strategies by name: those of bytefed as Flower spells them, and a user's own as `module:Class`."""

from __future__ import annotations

import copy
import importlib
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, cast

from bytefed.checkout import shipped
from bytefed.errors import ConfigError, did_you_mean
from bytefed.strategies.adaptive import FedAdam, FedAvgM, FedYogi
from bytefed.strategies.base import FedAvg, FedProx, Strategy
from bytefed.strategies.robust import FedMedian, FedTrimmedAvg, Krum, MultiKrum

_CLASSES: tuple[Any, ...] = (
    FedAvg, FedAvgM, FedProx, FedAdam, FedYogi, FedMedian, FedTrimmedAvg, Krum, MultiKrum,
)  # fmt: skip
STRATEGIES: dict[str, Any] = {kind.__name__.lower(): kind for kind in _CLASSES}
"""The strategies of bytefed by canonical name; their constructors take their hyperparameters by keyword."""


def canonical(name: str) -> str:
    """Return the one spelling of a strategy's name that files keep.

    Args:
        name: A name of STRATEGIES in any case, or `module:Class`, which is returned as it is.

    Raises:
        ConfigError: E_CONFIG_STRATEGY when it is neither.
    """
    module, colon, attribute = name.partition(":")
    if colon and module and attribute:
        return name
    if name.lower() not in STRATEGIES:
        raise ConfigError(
            "E_CONFIG_STRATEGY",
            f"There is no strategy '{name[:60]}'.",
            f"{did_you_mean(name, STRATEGIES)}Give --strategy one of: {', '.join(STRATEGIES)}; or a class of your own"
            " as module:Class.",
        )
    return name.lower()


def hyperparameters(strategy: Strategy) -> dict[str, Any]:
    """Return the hyperparameters of one of bytefed's strategies by name; an empty dict for a user's own."""
    if type(strategy) not in _CLASSES:
        return {}
    return {f.name: getattr(strategy, f.name) for f in fields(cast(Any, strategy)) if f.init}


def make(name: str, values: Mapping[str, Any]) -> Strategy:
    """Make a new strategy, which has seen no round.

    Args:
        name: A name that ``canonical`` takes.
        values: Hyperparameters of bytefed's strategies by name; each strategy takes those that it has. An `eta` of 0
            stands for the strategy's default. A user's own class is made without arguments.

    Raises:
        ConfigError: As ``canonical`` raises it; E_STRATEGY_IMPORT, E_STRATEGY_MISSING, E_STRATEGY_ARGUMENTS or
            E_STRATEGY_AGGREGATE for `module:Class`; E_CONFIG_RANGE for a hyperparameter out of range.
    """
    name = canonical(name)
    if name not in STRATEGIES:
        return _load(name)
    kind = STRATEGIES[name]
    taken = {f.name: values[f.name] for f in fields(kind) if f.init and f.name in values}
    if taken.get("eta") == 0:
        del taken["eta"]
    return cast(Strategy, kind(**taken))


def name_of(strategy: Strategy) -> str:
    """Return the name under which ``make`` finds a strategy's class: canonical, or `module:Class`."""
    kind = type(strategy)
    if kind in _CLASSES:
        return kind.__name__.lower()
    return f"{kind.__module__}:{kind.__qualname__}"


def describe(strategy: Strategy) -> str:
    """Return a strategy's name and, for a dataclass, its hyperparameters; a resumed run must have the same."""
    return f"{name_of(strategy)} {strategy!r}" if is_dataclass(strategy) else name_of(strategy)


def fresh(strategy: Any) -> Strategy:
    """Return a copy of a strategy for one run to keep, so that one object can serve several runs.

    Args:
        strategy: A strategy that has seen no round, or the class of one that needs no arguments.

    Raises:
        ConfigError: E_STRATEGY_AGGREGATE when it has no method `aggregate`, E_STRATEGY_ARGUMENTS for a class that
            can't be made without arguments.
    """
    name = strategy.__qualname__ if isinstance(strategy, type) else type(strategy).__qualname__
    return _fresh(strategy, name)


def _fresh(found: Any, name: str) -> Strategy:
    if not callable(getattr(found, "aggregate", None)):
        raise ConfigError(
            "E_STRATEGY_AGGREGATE",
            f"{name} is no strategy: it lacks a method aggregate.",
            "Give it `def aggregate(self, head, updates)` that returns the new head: "
            f"{shipped('docs/strategies.md')} shows it.",
        )
    return copy.deepcopy(_made(found, name))


def _load(name: str) -> Strategy:
    """Import `module:Class`, or an object of a module, from the path or the working directory."""
    module_name, _, attribute = name.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)  # `python -m` does this, the command `bytefed` does not
    try:
        found: Any = importlib.import_module(module_name)
    except Exception as error:  # a user's own module may raise anything
        raise ConfigError(
            "E_STRATEGY_IMPORT",
            f"{module_name} of --strategy {name} can't be imported ({type(error).__name__}: {error}).",
            f"Start in the folder that has {module_name.partition('.')[0]}.py, or install it, and mend what it says.",
        ) from error
    try:
        for part in attribute.split("."):
            found = getattr(found, part)
    except AttributeError as error:
        raise ConfigError(
            "E_STRATEGY_MISSING",
            f"{module_name} has no {attribute}.",
            "Name a class at the top of the module; a strategy made within a program goes in by argument there.",
        ) from error
    return _fresh(found, name)


def _made(found: Any, name: str) -> Strategy:
    """Make an object of a class; an object stands for itself."""
    if not isinstance(found, type):
        return cast(Strategy, found)
    try:
        return cast(Strategy, found())
    except TypeError as error:
        raise ConfigError(
            "E_STRATEGY_ARGUMENTS",
            f"{name} can't be made without arguments ({error}).",
            "Give its arguments defaults, or name an object of the module that is made already: module:OBJECT.",
        ) from error
