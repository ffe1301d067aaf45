"""`bytefed model add`: a feature extractor of one's own, checked and kept under a name."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

_EXAMPLES = """\
examples:
  bytefed model add gestures.tflite --name gestures --classes 5      features already
  bytefed model add person.tflite --cut --name person                a classifier: its last layer is taken off

Models are int8, batch 1, of operators that boards run; models/README.md says how to convert one. `--model NAME` of
other commands takes what was added, and a copy of the .tflite file in a folder of recordings serves --data FOLDER.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "model",
        help="add a feature extractor of your own; cut the head off a classifier",
        description="Feature extractors of one's own.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    add = actions.add_parser("add", help="check a .tflite file, and keep it under a name")
    add.add_argument("file", type=Path, metavar="FILE", help="the .tflite file")
    add.add_argument("--name", required=True, help="what it is to be called")
    add.add_argument(
        "--cut", action="store_true", help="take its last layer and what follows off: boards train that"
    )
    add.add_argument(
        "--classes", type=int, metavar="C", help="classes of the boards' head (default: the cut one's)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check, cut, keep; 0.

    Raises:
        ModelError: For a file that can't be an extractor, or a name that can't be its name.
    """
    from bytefed.errors import ModelError
    from bytefed.extractor import manifest
    from bytefed.extractor.cut import cut
    from bytefed.extractor.describe import save
    from bytefed.extractor.extractor import Extractor, read_model

    model, classes = read_model(args.file), args.classes
    if args.cut:
        model, outputs = cut(model)
        classes = outputs if classes is None else classes
    if classes is None:
        raise ModelError(
            "E_MODEL_CLASSES",
            f"{args.file} does not say how many classes the boards shall tell apart.",
            "Say it with --classes, 2 to 64; or with --cut, if the file is a classifier: its last layer says it.",
        )
    folder = save(args.name, model, classes, manifest.MADE_MODELS)
    extractor = Extractor(model)
    shape = " x ".join(str(n) for n in extractor.input_shape)
    sys.stdout.write(
        f"{folder / args.name}.tflite: {len(model):,} bytes, inputs {shape}, {extractor.D} features,"
        f" {', '.join(extractor.ops)}\n"
    )
    return 0
