"""The work of `bytefed model train`: reads recordings, trains with a progress bar, says how good the model is."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from bytefed.cli.own_models import added, refuse_name
from bytefed.data.own_training import SEED, Made, Recordings, Score, Wish, gather, make, networks, passes
from bytefed.data.windows import Cut
from bytefed.errors import ConfigError, check_range, counted
from bytefed.extractor import own
from bytefed.extractor.quiet import quiet
from bytefed.report.findings import wilson

_NAMES = {
    "plain": "the network's features",
    "whitened": "the same, whitened",
    "keywords": "bytefed's own keywords",
    "raw": "the windows' own values",
}


def train(args: argparse.Namespace) -> int:
    """Make a model of recordings; 0.

    Args:
        args: data, name, force, window, hop, share, features, epochs, rate, hertz, axes, units, json.

    Raises:
        ConfigError: E_CONFIG_EXTRA without TensorFlow, E_CONFIG_RANGE, or as `gather` raises it.
        DataError, ModelError: For recordings or a name that can't be used, or a network that boards can't run.
    """
    _check(args)
    recordings = gather(
        Wish(
            folder=args.data,
            cut=Cut(args.window, args.hop),
            share=args.share,
            hertz=args.hertz,
            axes=tuple(args.axes),
            units=tuple(args.units),
            features=args.features,
            rate=args.rate,
        )
    )
    for warning in recordings.warnings:
        sys.stderr.write(f"warning: {warning}\n")
    sys.stderr.write(_division(recordings))
    epochs = args.epochs or passes(recordings)
    made, versions = _trained(args, recordings, epochs)
    about = _about(args, recordings, made, epochs, versions)
    folder = own.save(args.name, made.model, recordings.raw.classes, about, replace=args.force)
    if args.json:
        sys.stdout.write(json.dumps({"name": args.name, "folder": str(folder), **about}, indent=2) + "\n")
    else:
        sys.stdout.write(_words(made) + added(args.name, folder))
    return 0


def _check(args: argparse.Namespace) -> None:
    """Refuse what can't work before anything is read or trained."""
    refuse_name(args.name, replace=args.force)
    own.check_place()
    for option, low, high in (
        ("window", 0, 1 << 16),
        ("hop", 0, 1 << 16),
        ("share", 0.2, 0.6),
        ("features", 2, 256),
        ("epochs", 0, 1000),
    ):
        check_range(f"--{option}", getattr(args, option), low, high)
    if find_spec("tensorflow") is None:
        raise ConfigError(
            "E_CONFIG_EXTRA",
            "A network is trained by TensorFlow, which is not installed.",
            "Run: pip install tensorflow",
        )


def _trained(args: argparse.Namespace, recordings: Recordings, epochs: int) -> tuple[Made, dict[str, str]]:
    """Train all networks, with a progress bar; return what was made, and the versions of what trained it."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow reads it as it is loaded
    count = networks(recordings)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(*columns, TimeRemainingColumn(), console=Console(emoji=False, stderr=True)) as bar:
        task = bar.add_task("loading TensorFlow", total=count * epochs)
        with quiet():
            from bytefed.extractor.network import ready, versions

            network = _network(recordings)
            ready()
        bar.update(task, description=f"training {counted(count, 'network')}")
        readings = recordings.raw.inputs.shape[1]
        by_network = network(
            args.features, len(recordings.raw.classes), readings, epochs, lambda: bar.advance(task)
        )
        return make(recordings, by_network), versions()


def _network(recordings: Recordings) -> Callable[..., Callable[..., bytes]]:
    """Return what makes a trainer of networks for these recordings: `of_windows` or `of_words`."""
    if recordings.sound is None:
        from bytefed.extractor.network import of_windows

        return of_windows
    from bytefed.extractor.word_network import of_words

    return of_words


def _about(
    args: argparse.Namespace, recordings: Recordings, made: Made, epochs: int, versions: dict[str, str]
) -> dict[str, Any]:
    """Return what the manifest says besides what the file itself says."""
    seen = recordings.seen_fingerprints
    hop = {"hop": args.hop or args.window} if args.window or args.hop else {}
    units = {"units": list(recordings.units)} if recordings.units else {}
    whitening: dict[str, Any] = {}
    if made.found is not None and (made.whitened or not made.found.pays):
        whitening["whitening"] = {
            **made.found.document(),
            "made_of": int(recordings.seen.sum()),
            "judged_by": "networks that saw neither what heads learned nor their tests",
        }
    return {
        **recordings.window,
        "recordings": {"folder": str(args.data.resolve()), **hop, **units, "seen": seen},
        "extractor": {
            "samples_seen": int(recordings.seen.sum()),
            "recordings_seen": len(seen),
            "division_seed": SEED,
            "epochs": epochs,
        },
        "made_with": versions,
        "figures": {
            "held_out": {
                name: {**vars(score), "accuracy": round(100 * score.accuracy, 2)}
                for name, score in made.scores.items()
            }
        },
        **whitening,
    }


def _division(recordings: Recordings) -> str:
    """Return the sentence that says who learns from what."""
    seen, everything = len(recordings.seen_fingerprints), len(recordings.fingerprints)
    return (
        f"{counted(everything, 'recording')} of {counted(len(recordings.raw.classes), 'label')}, "
        f"{counted(len(recordings.seen), 'window')}: the network learns from {seen}, {everything - seen} are held "
        f"out for tests and for boards.\n"
    )


def _words(made: Made) -> str:
    """Return how good the features are, as people read it."""
    lines = [
        "heads on held-out recordings, tested on others of them (95 % interval, a recording as one trial):"
    ]
    lines += [
        f"  {_NAMES[name]:<24} D = {score.features:<4} {_accuracy(score)}"
        for name, score in made.scores.items()
    ]
    found = made.found
    if found is None:
        lines.append(
            "Whitening was not tried: that takes 8 recordings of each label. The features are plain."
        )
    else:
        lines.append(
            f"cross-validated where the network learned: {100 * found.plain:.2f} % plain, {100 * found.whitened:.2f} % "
            f"whitened (needed: {100 * found.needed:.2f} %); the features "
            + ("are whitened." if made.whitened else "stay plain.")
        )
        if found.pays and not made.whitened:
            lines.append(
                "A board's window does not fit the head of whitened features; shorter windows would."
            )
    right = {name: score.right for name, score in made.scores.items()}
    ours = max(right["plain"], right.get("whitened", 0))
    if right.get("keywords", -1) >= ours:
        lines.append(
            "bytefed's own keywords do as well, and leave all recordings to boards: "
            "bytefed model add keywords --name NAME --labels and your words"
        )
    if right["raw"] >= ours:
        lines.append(
            "The windows' own values do as well: this task needs no network, or more recordings to show that it does."
        )
    return "\n".join(lines) + "\n"


def _accuracy(score: Score) -> str:
    """Return an accuracy with its counts and its interval."""
    low, high = wilson(score.accuracy * score.recordings, score.recordings)
    return (
        f"{100 * score.accuracy:6.2f} %  ({100 * low:.1f} to {100 * high:.1f}): {score.right} of "
        f"{counted(score.windows, 'window')} of {counted(score.recordings, 'recording')}"
    )
