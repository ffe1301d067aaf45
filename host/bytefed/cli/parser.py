"""The parser of the command line: the commands' own options, and refusals that say what may have been meant."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Iterable
from typing import Any, NoReturn

from bytefed.cli.commands import COMMANDS
from bytefed.cli.output import report
from bytefed.errors import ConfigError, did_you_mean

_EPILOG = """\
start here:
  bytefed run                         train 8 virtual boards, every byte counted
  bytefed run --boards serial:auto    train the boards that are plugged in
  bytefed estimate                    what would it cost?
  bytefed COMMAND --help              more, with examples
"""
_REFUSED = 2


class Parser(argparse.ArgumentParser):
    """Refuses what it doesn't know by a code and a remedy, and without pages of usage."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Parse as argparse does, but leave nothing that this command doesn't know to the one above it."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(_unknown(unknown[0], self._option_string_actions))
        return found, unknown

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the command line, and leave."""
        report(ConfigError("E_CONFIG_OPTION", f"{self.prog}: {message}", f"See `{self.prog} --help`."))
        self.exit(_REFUSED)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            choices = [str(choice) for choice in action.choices]
            meant = did_you_mean(str(value), choices).strip() or f"There are: {', '.join(choices)}."
            raise argparse.ArgumentError(action, f"there is no '{value}'. {meant}")


def _unknown(word: str, options: Iterable[str]) -> str:
    if not word.startswith("-"):
        return f"it doesn't take '{word}'."
    name = word.partition("=")[0]
    return f"there is no option {name}. {did_you_mean(name, options)}".rstrip()


class _Version(argparse.Action):
    """Prints the version, which takes a while to find, only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import PackageNotFoundError, version

        try:
            found = version("bytefed")
        except PackageNotFoundError:
            found = "(not installed)"
        sys.stdout.write(f"bytefed {found}\n")
        parser.exit()


def build_parser(chosen: str | None = None) -> Parser:
    """Return the parser of the command line.

    Args:
        chosen: The command whose module is imported and whose options are known; None for none, which is enough
            to list them all.
    """
    parser = Parser(
        prog="bytefed",
        description="Tiny federated learning on microcontrollers, every byte accounted for.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, line in COMMANDS.items():
        if name == chosen:
            importlib.import_module(f"bytefed.cli.commands.{name}").add_parser(subparsers)
        else:
            subparsers.add_parser(name, help=line)
    return parser
