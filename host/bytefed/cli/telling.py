"""One way to tell what a command did: in words for people, or with `--json` one JSON object a line for scripts.

A command that answers and is done tells one object. One that goes on tells an object for each thing that happens, and
its first key, `event`, says which. NaN and infinity, which JSON
does not have, become null.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


def add_json(
    parser: argparse.ArgumentParser | argparse._MutuallyExclusiveGroup, *, goes_on: bool = False
) -> None:
    """Give a command the option.

    Args:
        parser: The command's parser, or a group of options that exclude each other.
        goes_on: Whether it tells more than one object.
    """
    text = "one JSON object a line, for scripts" if goes_on else "print one JSON object, for scripts"
    parser.add_argument("--json", action="store_true", help=text)


def write_json(document: Mapping[str, Any]) -> None:
    """Print an object on a line of its own, at once."""
    sys.stdout.write(json.dumps(_sayable(document), allow_nan=False) + "\n")
    sys.stdout.flush()


def _sayable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _sayable(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_sayable(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@dataclass(frozen=True)
class Teller:
    """Tells what happens, in one of the two ways.

    Attributes:
        as_json: Whether scripts listen.
    """

    as_json: bool = False

    def __call__(self, event: str, words: str, **facts: Any) -> None:
        """Tell that something happened.

        Args:
            event: Its name, for scripts.
            words: The same for people; "" for what they are shown otherwise.
            **facts: What scripts are to know.
        """
        if self.as_json:
            write_json({"event": event, **facts})
        elif words:
            from rich.console import Console

            Console(emoji=False, highlight=False).print(words, markup=False, soft_wrap=True)
