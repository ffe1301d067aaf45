"""The work of `bytefed model whiten`: cross-validates, says what was found, and keeps the new model where it pays."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from bytefed.data.labelled import Labelled, from_path, of_task
from bytefed.errors import ConfigError
from bytefed.extractor.choice import Choice, choose, folds_of, whitened
from bytefed.extractor.extractor import Extractor, read_model
from bytefed.extractor.manifest import Manifest, model_folder
from bytefed.extractor.own import check_name, save

INHERITED = ("sensor_hertz", "axes", "units", "recordings")
"""Parts of a manifest that hold for the whitened model, too."""
DOES_NOT_PAY = 3
"""Exit status for a whitening that would not be a gain: nothing was written."""


def whiten(args: argparse.Namespace) -> int:
    """Whiten a model; 0, or DOES_NOT_PAY.

    Args:
        args: model, data, task, data_dir, name, json.

    Raises:
        ConfigError: E_CONFIG_SAMPLES if neither --data nor --task is given, or both.
        ModelError, DataError: For a model or data that can't be used, a name that can't be the new one's;
            E_DATA_WHITEN for too few samples.
    """
    if (args.data is None) == (args.task is None):
        raise ConfigError(
            "E_CONFIG_SAMPLES",
            "Whitening takes labelled samples from one place: --data or --task.",
            "Name samples that no board learns from, or a built-in task: `bytefed model whiten --help` shows both.",
        )
    plain, known = _model(args.model)
    name = args.name or f"{Path(args.model).stem}_whitened"
    check_name(name)
    extractor = Extractor(plain)
    samples = (
        from_path(args.data, extractor)
        if args.data is not None
        else of_task(args.task, args.data_dir, extractor)
    )
    for warning in samples.warnings:
        sys.stderr.write(f"warning: {warning}\n")
    codes = extractor.extract(samples.inputs)
    found = choose(*folds_of(codes, extractor.quantization, samples.labels, samples.groups))
    folder = None
    if found.pays:
        classes = known.document["classes"] if known else samples.classes
        folder = save(
            name,
            whitened(plain, codes, extractor.quantization, samples.labels, found),
            classes,
            _about(found, samples, extractor, known),
        )
    document = {**found.document(), "D": extractor.D, "name": name, "folder": str(folder) if folder else None}
    sys.stdout.write(json.dumps(document, indent=2) + "\n" if args.json else _words(document, known))
    return 0 if found.pays else DOES_NOT_PAY


def _model(name: str) -> tuple[bytes, Manifest | None]:
    """Return the .tflite file of that path, or of the model of that name with its manifest."""
    if name.endswith(".tflite"):
        return read_model(Path(name)), None
    folder = model_folder(name)
    known = Manifest.load(folder)
    return read_model(folder / f"{known.name}.tflite"), known


def _about(found: Choice, samples: Labelled, plain: Extractor, known: Manifest | None) -> dict[str, Any]:
    """Return what the new model's manifest says of its whitening, and what it inherits."""
    kept = {key: known.document[key] for key in INHERITED if key in known.document} if known else {}
    return kept | {
        "whitening": {
            **found.document(),
            "made_of": len(samples.labels),
            "judged_by": "cross-validation of these samples",
            "plain_model": known.name if known else None,
            "plain_model_hash": plain.model_hash,
        }
    }


def _words(found: dict[str, Any], known: Manifest | None) -> str:
    """Return the findings as people read them."""
    text = (
        f"cross-validated on {found['samples']:,} samples, each tested by heads that did not learn from it:\n"
        f"  plain features, D = {found['D']}: {found['plain_accuracy']:.2f} %\n"
        f"  whitened, d = {found['directions']}, shrinkage {found['shrinkage']}: {found['whitened_accuracy']:.2f} %"
        f" (needed: {found['needed_accuracy']:.2f} %)\n"
    )
    if not found["pays"]:
        text += "Whitening does not pay here: heads may end worse. Nothing was written; stay with the plain model.\n"
        if known and known.document.get("extractor", {}).get("samples_seen"):
            text += "If the model was trained on these very samples, its plain features look better than they are.\n"
        return text
    return text + (
        f"Whitening pays. The new model is {found['folder']}:\n"
        f"  bytefed flash --model {found['name']}    puts it on a board\n"
        "Samples that boards keep under the plain model are features of that one: capture or load them anew.\n"
    )
