"""The options of the command line that set a run's configuration."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bytefed.federation.config import KEYS, RunConfig, option


def add_options(
    parser: argparse._ArgumentGroup,
    names: Collection[str] = KEYS,
    aliases: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> None:
    """Give a parser one option per key; what is not given stays None.

    Args:
        parser: Parser that the options are added to.
        names: Names of the keys to offer.
        aliases: Key to other spellings of its option.
    """
    for f in (f for f in fields(RunConfig) if f.name in names):
        spellings = (option(f.name), *aliases.get(f.name, ()))
        key = KEYS[f.name]
        default: Any = f.default
        shown = " ".join(default) if key.many else default
        text = f"{key.help} (default: {shown})" if shown not in ("", True) else key.help
        if key.kind is bool:
            parser.add_argument(*spellings, action=argparse.BooleanOptionalAction, default=None, help=text)
        elif key.many:
            parser.add_argument(*spellings, nargs="+", metavar=key.metavar, help=text)
        else:
            choices = key.choices or None
            metavar = key.metavar or (None if choices else key.kind.__name__.upper())
            parser.add_argument(
                *spellings, dest=f.name, type=key.kind, choices=choices, metavar=metavar, help=text
            )


def add_data_dir(parser: argparse.ArgumentParser) -> None:
    """Give a parser the option that says where the raw data of an earlier run are now."""
    parser.add_argument(
        "--data-dir",
        type=Path,
        metavar="DIR",
        help="folder of the run's raw data, if it is no longer where it was",
    )


def add_tracking(parser: argparse._ArgumentGroup) -> None:
    """Give a parser the option that names trackers."""
    parser.add_argument(
        "--track",
        nargs="+",
        default=[],
        metavar="TRACKER",
        help="let trackers follow the run: tensorboard, tensorboard:DIR, mlflow, mlflow:URI, wandb, wandb:PROJECT"
        " (docs/trackers.md)",
    )


def given_options(args: argparse.Namespace) -> dict[str, Any]:
    """The keys that the command line set, of what ``add_options`` added."""
    values = {name: getattr(args, name, None) for name in KEYS}
    return {name: tuple(v) if KEYS[name].many else v for name, v in values.items() if v is not None}
