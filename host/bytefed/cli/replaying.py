"""The options of virtual boards whose sensor a command uses: the model that they run, and what the sensor replays."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # numpy and the core are slow to load, and not needed to print a help text
    from bytefed.boards.virtual import VirtualOptions


def add_replaying(parser: argparse.ArgumentParser) -> None:
    """Give a command the options."""
    group = parser.add_argument_group("virtual boards, such as --boards virtual:3; they end with the command")
    group.add_argument(
        "--model", default="motion", metavar="NAME",
        help="the model that they run: a name or folder (default motion)",
    )  # fmt: skip
    group.add_argument(
        "--replay", metavar="DATA",
        help="recordings that their sensor replays: a folder of WAV files for a model of sound, else X (and y) of an "
        ".npz file, a task or a model of your own (default: the model's own)",
    )  # fmt: skip


def replaying(args: argparse.Namespace) -> VirtualOptions:
    """Return how the command's virtual boards are made.

    Raises:
        ModelError: There is no such model.
        ConfigError: E_CONFIG_REPLAY if no recordings are named, and the model has none of its own.
    """
    from bytefed.boards.virtual import VirtualOptions, replaying_kind
    from bytefed.errors import ConfigError

    kind = replaying_kind(args.model, args.replay)
    if kind.replay is None:
        raise ConfigError(
            "E_CONFIG_REPLAY",
            f"The sensor of virtual boards with model '{args.model}' has nothing to replay.",
            "Name recordings: a folder with a subfolder of WAV files for each word, such as --replay my-words/, for a "
            "model of sound; else an .npz file of windows.",
        )
    return VirtualOptions(kind, sealed=not args.open)
