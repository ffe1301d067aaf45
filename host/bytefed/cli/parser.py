"""The parser of the command line: the commands' own options, and refusals that say what may have been meant."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NoReturn

from bytefed.cli.commands import COMMANDS
from bytefed.cli.diagnostics import add_diagnostics
from bytefed.cli.output import report
from bytefed.cli.preferences import prefer
from bytefed.errors import ConfigError, did_you_mean

EXIT_STATUS = """\
exit status:
  0 done; 1 an error of boards, data, run directory or output; 2 an option or configuration that can't work;
  3 `model whiten` found that whitening does not pay; 130 interrupted with Ctrl-C; 141 whoever read the output closed it
"""
"""The end of every command's help."""
_EPILOG = f"""\
start here:
  bytefed run                         train 8 virtual boards, every byte counted
  bytefed run --boards serial:auto    train the boards that are plugged in
  bytefed estimate                    what would it cost?
  bytefed COMMAND --help              more, with examples

preferences, below options and --config, above defaults:
  $BYTEFED_BOARDS, $BYTEFED_LOG_FILE; else `boards` and `log_file` in $BYTEFED_CONFIG or ~/.config/bytefed/config.toml
other variables: $BYTEFED_CACHE, $BYTEFED_KEYS, $BYTEFED_MODELS (docs/scripting.md)

{EXIT_STATUS}"""
_REFUSED = 2


class Parser(argparse.ArgumentParser):
    """Refuses what it doesn't know by a code and a remedy, and without pages of usage.

    Options are taken in full only: a script's `--round` would mean something else once there is a `--round-limit`.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"allow_abbrev": False, **options})

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Parse as argparse does, but leave nothing that this command doesn't know to the one above it."""
        self._require_command_first(list(sys.argv[1:] if args is None else args))
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(_unknown(unknown[0], self._option_string_actions))
        return found, unknown

    def _require_command_first(self, words: list[str]) -> None:
        """Refuse a command's options before it: argparse would take the value of the first for the command."""
        name = next(iter(words), "").partition("=")[0]
        known = {name, name[:2]} & self._option_string_actions.keys() or name == "--"
        commands = [action for action in self._actions if isinstance(action, argparse._SubParsersAction)]
        if commands and name.startswith("-") and not known:
            command = next((word for word in words if word in commands[0].choices), "COMMAND")
            order = f"A command's options come after it: `{self.prog} {command} {name} ...`"
            self.error(f"{_unknown(name, self._option_string_actions)} {order}")

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
        sys.stdout.write(f"{installed()}\n")
        parser.exit()


def installed() -> str:
    """Return the name and the version of what is installed, such as "bytefed 0.1.0"."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"bytefed {version('bytefed')}"
    except PackageNotFoundError:
        return "bytefed (not installed)"


def _say_statuses(parser: argparse.ArgumentParser) -> None:
    """Let a command's help end with the exit statuses."""
    parser.epilog = "\n".join(filter(None, (parser.epilog, EXIT_STATUS)))
    parser.formatter_class = argparse.RawDescriptionHelpFormatter


def last_parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Yield the parsers that a command line ends with: a command's own, or those of its actions."""
    inner = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not inner:
        yield parser
    for action in inner:
        for each in action.choices.values():
            yield from last_parsers(each)


def build_parser(chosen: str | None = None) -> Parser:
    """Return the parser of the command line.

    Args:
        chosen: The command whose module is imported and whose options are known; None for none, which is enough
            to list them all.
    """
    return _parser(() if chosen is None else (chosen,))


def whole_parser() -> Parser:
    """Return the parser with the options of all commands."""
    return _parser(tuple(COMMANDS))


def _parser(known: Sequence[str]) -> Parser:
    parser = Parser(
        prog="bytefed",
        description="Tiny federated learning on microcontrollers, every byte accounted for.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-V", "--version", action=_Version, nargs=0, help="show the version and exit")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, line in COMMANDS.items():
        if name in known:
            importlib.import_module(f"bytefed.cli.commands.{name}").add_parser(subparsers)
            # argparse lists a command, and shells complete it, only with a line of help.
            subparsers._choices_actions.append(subparsers._ChoicesPseudoAction(name, (), line))
            command = subparsers.choices[name]
            for each in {command, *last_parsers(command)}:
                _say_statuses(each)
            for parser_of_command in last_parsers(command):
                add_diagnostics(parser_of_command)
                prefer(parser_of_command)
        else:
            subparsers.add_parser(name, help=line)
    return parser
