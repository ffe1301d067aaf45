"""`bytefed completion`: what lets a shell complete commands and options, and the manual page."""

from __future__ import annotations

import argparse
import sys

from bytefed.errors import ConfigError

_SHELLS = ("bash", "zsh", "tcsh")
_EPILOG = """\
examples:
  bytefed completion bash > ~/.local/share/bash-completion/completions/bytefed
  bytefed completion zsh > ~/.zfunc/_bytefed                  with `fpath+=~/.zfunc` before compinit in ~/.zshrc
  bytefed completion man > ~/.local/share/man/man1/bytefed.1  then: man bytefed
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "completion",
        description="Print a script that lets a shell complete bytefed's commands and options, or the manual page.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "what", choices=(*_SHELLS, "man"), metavar="WHAT", help=f"{', '.join(_SHELLS)}, or man"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print it."""
    sys.stdout.write(_manual() if args.what == "man" else _script(args.what))
    return 0


def _script(shell: str) -> str:
    try:
        import shtab
    except ImportError:
        raise ConfigError(
            "E_EXTRA_MISSING", "completion needs the package shtab.", "Run: pip install shtab"
        ) from None
    from bytefed.cli.parser import whole_parser

    return str(shtab.complete(whole_parser(), shell)) + "\n"


def _manual() -> str:
    """Return the manual page: the help of bytefed and of each command, as roff."""
    from bytefed.cli.parser import installed, last_parsers, whole_parser

    parser = whole_parser()
    lines = [
        f'.TH BYTEFED 1 "" "{installed()}" "User Commands"',
        ".SH NAME",
        f"bytefed \\- {_roff(str(parser.description))}",
        ".SH SYNOPSIS",
        "bytefed COMMAND [OPTION]...",
        ".SH DESCRIPTION",
        *_verbatim(parser.format_help()),
        ".SH COMMANDS",
    ]
    for command in last_parsers(parser):
        own = command.format_help().partition("\nexit status:\n")[0]  # all have the same; it stands above
        lines += [f".SS {command.prog}", *_verbatim(own)]
    return "\n".join(lines) + "\n"


def _verbatim(text: str) -> list[str]:
    return [".nf", *(_roff(line) for line in text.splitlines()), ".fi"]


def _roff(line: str) -> str:
    """Return a line in which nothing is taken for an order to roff."""
    text = line.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{text}" if text.startswith((".", "'")) else text
