"""`bytefed ui`: a page in the browser for boards, captures, training, live predictions and runs."""

from __future__ import annotations

import argparse
import sys
from contextlib import suppress
from pathlib import Path

from bytefed.cli.telling import add_json, write_json

_EPILOG = """\
examples:
  bytefed ui                    prints the page's URL, for your browser
  bytefed ui --runs old-runs    shows the runs of another folder
  bytefed ui --replay my-words/
                                virtual boards that you connect there with a model of words hear these

The page is for this computer's user alone: it listens on 127.0.0.1, and the URL has a token that is drawn anew at each
start. Ctrl-C ends it. It needs two packages more: pip install starlette uvicorn
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "ui",
        description="Show a page in the browser, on this computer alone, until Ctrl-C.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--port", type=int, metavar="PORT", help="port to listen on (default: 8271, or any that is free)")
    add("--runs", type=Path, default=Path("runs"), metavar="DIR", help="folder of the runs (default: runs)")
    add("--replay", metavar="FOLDER", help="WAV files that virtual boards with a model of sound hear")
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve the page until Ctrl-C; 0 then.

    Raises:
        ConfigError: E_EXTRA_MISSING; E_CONFIG_REPLAY for no folder; E_LIVE_PORT if the port can't be had.
    """
    from bytefed.ui.beside_run import require_packages

    require_packages("ui")
    from bytefed.boards.hearing import folder_of
    from bytefed.ui.serve import serve

    if args.replay is not None:
        folder_of(args.replay)

    def ready(url: str) -> None:
        if args.json:
            write_json({"url": url})
        else:
            sys.stdout.write(f"{url}\n")
            sys.stdout.flush()

    with suppress(KeyboardInterrupt):  # Ctrl-C is how it ends
        serve(args.port, args.runs, ready, args.replay)
    return 0
