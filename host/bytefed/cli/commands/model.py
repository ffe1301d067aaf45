"""`bytefed model`: feature extractors of one's own: made of recordings, added, listed, removed, whitened."""

from __future__ import annotations

import argparse
from pathlib import Path

from bytefed.cli.telling import add_json

_EXAMPLES = """\
examples:
  bytefed model train --data my-motions/ --name gait --window 100 --hertz 50
                                                       a network of recordings: my-motions/LABEL/one.csv and so on
  bytefed run --boards virtual:3 --data gait           then boards learn from the recordings that it has not seen
  bytefed flash nano33ble --model gait                 and real ones run it
  bytefed model add person.tflite --cut --name person  a network that was trained elsewhere
  bytefed model list                                   all models, with what boards need for them

What a board runs before the layer that it trains is a model: int8, batch 1, of operators that boards have. Your own are
kept in $BYTEFED_MODELS, by default ~/.local/share/bytefed/models, wherever bytefed itself is installed. `--model NAME`
of board, flash, run, simulate and partition takes them, and --data NAME those that know their recordings.
docs/own_model.md walks through all of it.
"""
_ADD = """\
examples:
  bytefed model add gait.tflite --name gait --labels walk run rest     features already
  bytefed model add person.tflite --cut --name person                  a classifier: its last layer is taken off
  bytefed model add my-motions/ --name gait        a folder with one .tflite file: its subfolders are the labels, and
                                                   --data gait reads the recordings in them
  bytefed model add keywords --name mine --labels go stop left         a model by its name, for labels of your own
  bytefed model add gait.tflite --name gait --labels walk run rest --hertz 50
                                                   inputs are windows [readings, 1, 6] of a board's own sensor

With --hertz a board fills the model's window from its motion sensor: so many readings a second, as many as the input is
long, of 6 axes, ax ay az in m/s^2 and gx gy gz in rad/s. Without it, the host gives boards their samples.
"""
_TRAIN = """\
Of the recordings of each label, a share (--share) is what a small network learns from; the others it never sees. With
them the features are judged, and they alone are divided among boards and tests by `--data NAME`: so no accuracy is of
data that anything has learned. Copies of a file count as one recording. Further networks, of parts of that share, say
whether whitening pays (docs/whitening.md); then the features are whitened.

examples:
  bytefed model train --data my-motions/ --name gait                       each file is one window
  bytefed model train --data my-motions/ --name gait --window 100 --hop 50 cut from longer ones
  bytefed model train --data my-motions/ --name gait --window 100 --hertz 50 --units g deg/s
                                           for boards' own sensors; recorded in g and deg/s, turned into their units
  bytefed model train --data my-words/ --name mine                         WAV files, a subfolder for each word

A folder has a subfolder for each label, with files of a row a point in time and a column an axis (docs/your-data.md),
or WAV files, whose readings are frames of 20 ms, 49 in a window; 5 files of each label at least. TensorFlow is needed:
pip install tensorflow. Ctrl-C leaves nothing behind.
"""
_WHITEN = """\
Behind the extractor comes one more linear layer, which gives all labels the same round spread (Fisher's linear
discriminant). Boards then learn in a few rounds what took a hundred, and most of the bytes are saved. The layer is made
of samples of yours; set them apart: no board may learn from them or be tested on them.

That does not help everywhere, so heads are first trained and tested on parts of these samples, with and without the
layer. Nothing is written where heads with it would not be better; the exit status is then 3.

examples:
  bytefed model whiten gestures --data apart/             apart/LABEL/one.csv and so on: recordings or pictures
  bytefed model whiten gestures.tflite --data apart.npz --name quick   X: inputs of the model, y: labels
  bytefed model whiten motion_plain --task motion --name mine          the part of a task that boards never get
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "model",
        description="Feature extractors of one's own.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    _add_add(actions)
    _add_train(actions)
    shown = actions.add_parser(
        "list", help="show all models", description="Show all models: those of bytefed, and your own."
    )
    shown.add_argument("--json", action="store_true", help="print one JSON object a model")
    shown.set_defaults(run=run_list)
    remove = actions.add_parser(
        "remove", help="remove one of your own", description="Remove a model of your own; recordings stay."
    )
    remove.add_argument("name", metavar="NAME", help="its name")
    add_json(remove)
    remove.set_defaults(run=run_remove)
    _add_whiten(actions)


def _add_add(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    add = actions.add_parser(
        "add",
        help="check a .tflite file, and keep it under a name",
        description="Check whether boards can run a .tflite file, write its manifest, and keep both under a name.",
        epilog=_ADD,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add.add_argument(
        "file", type=Path, metavar="FILE", help="the .tflite file, a folder with one, or the name of a model"
    )
    _add_name(add)
    add.add_argument(
        "--cut", action="store_true", help="take its last layer and what follows off: boards train that"
    )
    heads = add.add_mutually_exclusive_group()
    heads.add_argument(
        "--classes", type=int, metavar="C", help="classes of the boards' head (default: the cut one's)"
    )
    heads.add_argument("--labels", nargs="+", metavar="LABEL", help="or their names")
    _add_window(add)
    add_json(add)
    add.set_defaults(run=run)


def _add_train(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    train = actions.add_parser(
        "train",
        help="make one of a folder of recordings",
        description="Train a small network on recordings, and keep it as an extractor under a name.",
        epilog=_TRAIN,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    train.add_argument(
        "--data", type=Path, required=True, metavar="FOLDER", help="recordings, a subfolder for each label"
    )
    _add_name(train)
    _add_window(train)
    add = train.add_argument
    add("--window", type=int, default=0, metavar="N",
        help="readings in a window, to cut recordings (default: each is a window)")  # fmt: skip
    add(
        "--hop",
        type=int,
        default=0,
        metavar="N",
        help="readings from one window to the next (default: a window)",
    )
    add("--share", type=float, default=0.4, metavar="FRACTION",
        help="of the recordings, what the network learns from (default 0.4)")  # fmt: skip
    add("--features", type=int, default=64, metavar="D",
        help="features of the network; whitened ones are at most 32 (default 64)")  # fmt: skip
    add("--epochs", type=int, default=0, metavar="N",
        help="passes over what it learns from (default: as many as some 300 steps take, 20 to 200)")  # fmt: skip
    add("--json", action="store_true", help="print what was made and how good it is as JSON")
    train.set_defaults(run=run_train)


def _add_name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", required=True, help="what it is to be called")
    parser.add_argument("--force", action="store_true", help="replace your own model of that name")


def _add_window(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the window that it takes")
    group.add_argument(
        "--hertz",
        type=int,
        default=0,
        metavar="H",
        help="readings a second of a board's motion sensor, 1 to 1000 (default: no board fills it itself)",
    )
    group.add_argument(
        "--axes", nargs="+", default=(), metavar="AXIS",
        help="names of the values of a reading (default with --hertz: ax ay az gx gy gz)",
    )  # fmt: skip
    group.add_argument(
        "--units", nargs="+", default=(), metavar="UNIT",
        help="their units: one for all, two for the halves, or one each (default with --hertz: m/s^2 rad/s)",
    )  # fmt: skip


def _add_whiten(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    whiten = actions.add_parser(
        "whiten",
        help="make its features quick to learn, where that pays",
        description="Whiten a feature extractor, so that heads learn in a few rounds where it works.",
        epilog=_WHITEN,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    whiten.add_argument("model", metavar="MODEL", help="name of a model, or a .tflite file")
    whiten.add_argument("--data", type=Path, metavar="PATH", help="folder or .npz file of labelled samples")
    whiten.add_argument(
        "--task", help="instead of --data: a built-in task, whose part for extractors is taken"
    )
    whiten.add_argument("--data-dir", type=Path, metavar="DIR", help="raw data of --task, if not built in")
    whiten.add_argument("--name", help="what the new model is to be called (default: MODEL_whitened)")
    whiten.add_argument("--json", action="store_true", help="print the findings as JSON")
    whiten.set_defaults(run=run_whiten)


def run(args: argparse.Namespace) -> int:
    """Check, cut, keep; 0; see `bytefed.cli.own_models`."""
    from bytefed.cli.own_models import add

    return add(args)


def run_list(args: argparse.Namespace) -> int:
    """Show all models; 0; see `bytefed.cli.own_models`."""
    from bytefed.cli.own_models import show

    return show(args)


def run_remove(args: argparse.Namespace) -> int:
    """Remove one of the user's own; 0; see `bytefed.cli.own_models`."""
    from bytefed.cli.own_models import remove

    return remove(args)


def run_train(args: argparse.Namespace) -> int:
    """Make a model of recordings; 0; see `bytefed.cli.train_model`."""
    from bytefed.cli.train_model import train

    return train(args)


def run_whiten(args: argparse.Namespace) -> int:
    """Whiten a model; 0, or 3 where that does not pay; see `bytefed.cli.whiten`."""
    from bytefed.cli.whiten import whiten

    return whiten(args)
