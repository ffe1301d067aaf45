"""The command line: `bytefed COMMAND`.

Exit status: 0 done; 1 an error of boards, data or run directory; 2 an option or configuration that can't work; 130
interrupted with Ctrl-C.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

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


def build_parser(chosen: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of the command line.

    Args:
        chosen: The command whose module is imported and whose options are known; None for none, which is enough
            to list them all.
    """
    parser = argparse.ArgumentParser(
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: Without the program's name; those of the process if None.

    Returns:
        The exit status.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    chosen = words[0] if words and words[0] in COMMANDS else None
    args = build_parser(chosen).parse_args(words)
    from bytefed.cli.terminal import downloads_shown

    try:
        with downloads_shown():
            return int(args.run(args))
    except BytefedError as error:
        report(error)
        return 2 if isinstance(error, ConfigError) else 1
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted\n")
        return INTERRUPTED


def report(error: BytefedError) -> None:
    """Print an error and what to do about it, to standard error."""
    from rich.console import Console

    console = Console(stderr=True, highlight=False)
    console.print(f"error[{error.code}]: {error.message}", style="bold red", markup=False, soft_wrap=True)
    if error.remedy:
        console.print(f"  -> {error.remedy}", markup=False, soft_wrap=True)
