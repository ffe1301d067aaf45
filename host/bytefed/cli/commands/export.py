"""`bytefed export`: what a run learnt, as files that need no bytefed."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bytefed.cli.options import add_data_dir
from bytefed.errors import sentences
from bytefed.export.formats import FORMATS

if TYPE_CHECKING:
    from bytefed.export.files import Export
    from bytefed.export.trained import Trained

_EXAMPLES = """\
examples:
  bytefed export runs/first                              all that can be made, in runs/first/export
  bytefed export runs/first --format tflite --to model   one file, elsewhere
  bytefed run --head runs/first/export/head.npz          a run that begins with what another one learnt

What is written, and how far it agrees with boards: docs/export.md
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "export",
        description="Write a run's newest global head as files that need no bytefed, and check them against boards.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("run_dir", type=Path, metavar="RUN", help="directory of the run, or of a simulation")
    add(
        "--to", type=Path, metavar="DIR", help="folder for the files (default: export in the run's directory)"
    )
    add(
        "--format",
        nargs="+",
        default=[],
        metavar="NAME",
        help=f"some of {', '.join(FORMATS)} (default: all that can be made)",
    )
    add_data_dir(parser)
    add("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the files, and say what they are; 0.

    Raises:
        BytefedError: The run can't be read, or its files can't be made or written.
    """
    from bytefed.export.files import export
    from bytefed.export.trained import Trained

    trained = Trained.load(args.run_dir, args.data_dir)
    done = export(trained, args.to, args.format)
    sys.stdout.write(_document(trained, done) if args.json else _words(trained, done))
    return 0


def _document(trained: Trained, done: Export) -> str:
    task = trained.task
    document = {
        "task": task.name,
        "features": task.D,
        "classes": list(trained.labels),
        "model_hash": f"{task.extractor_hash:08x}",
        "files": [file.document() for file in done.files],
        "left_out": {name: error.code for name, error in done.left_out.items()},
    }
    return json.dumps(document, indent=2) + "\n"


def _words(trained: Trained, done: Export) -> str:
    task = trained.task
    made_by = f"of the extractor {task.extractor_hash:08x}" if task.extractor_hash else "that came ready"
    lines = [f"{trained.directory}: {task.name}, head {task.D}x{task.num_classes} on features {made_by}"]
    for file in done.files:
        lines.append(f"{file.path}: {file.size:,} B, {file.about}")
        if file.agreement is not None:
            lines.append(f"  {file.agreement.sentence()}")
    for name, error in done.left_out.items():
        lines.append(f"left out: {name}. {sentences(error.message, error.remedy)}")
    return "\n".join(lines) + "\n"
