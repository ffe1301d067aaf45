"""The command line: `bytefed COMMAND`.

Exit status: 0 done; 1 an error of boards, data or run directory; 2 an option or configuration that can't work; 130
interrupted with Ctrl-C.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from rich.console import Console

from bytefed.cli.commands import COMMANDS
from bytefed.errors import BytefedError, ConfigError

INTERRUPTED = 130

_EPILOG = """\
start here:
  bytefed run                         train 8 virtual boards, every byte counted
  bytefed run --boards serial:auto    train the boards that are plugged in
  bytefed estimate                    what would it cost?
  bytefed COMMAND --help              more, with examples
"""


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(
        prog="bytefed",
        description="Tiny federated learning on microcontrollers, every byte accounted for.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"bytefed {_version()}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_parser(subparsers)
    return parser


def _version() -> str:
    try:
        return version("bytefed")
    except PackageNotFoundError:
        return "(not installed)"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: Without the program's name; those of the process if None.

    Returns:
        The exit status.
    """
    args = build_parser().parse_args(arguments)
    try:
        return int(args.run(args))
    except BytefedError as error:
        report(error)
        return 2 if isinstance(error, ConfigError) else 1
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted\n")
        return INTERRUPTED


def report(error: BytefedError) -> None:
    """Print an error and what to do about it, to standard error."""
    console = Console(stderr=True, highlight=False)
    console.print(f"error[{error.code}]: {error.message}", style="bold red", markup=False, soft_wrap=True)
    if error.remedy:
        console.print(f"  -> {error.remedy}", markup=False, soft_wrap=True)
