"""The work of `bytefed model add`, `list` and `remove`."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bytefed.cli.telling import write_json
from bytefed.data import task_names
from bytefed.data.folder import sources_of
from bytefed.data.notes import Notes
from bytefed.errors import BytefedError, DataError, ModelError, counted
from bytefed.extractor import own, sensor
from bytefed.extractor.board_scales import Layer
from bytefed.extractor.cut import cut
from bytefed.extractor.describe import dense_layers, describe
from bytefed.extractor.extractor import Extractor, read_model
from bytefed.extractor.manifest import (
    FILE_NAME,
    Manifest,
    is_shipped,
    known_model,
    model_folder,
    model_names,
    same_network,
)

_COLUMNS = {
    "name": False, "": False, "D": True, "C": True, "input": False, "hertz": True, "arena": True, "CRC": False,
    "classes": False,
}  # fmt: skip
"""Columns of the list, and whether they hold numbers."""


def add(args: argparse.Namespace) -> int:
    """Check a model, cut it, keep it; 0.

    Args:
        args: file, name, force, cut, classes, labels, hertz, axes, units, json.

    Raises:
        ModelError: For a file that can't be an extractor, or a name that can't be its name.
    """
    refuse_name(args.name, replace=args.force)
    file, about, classes = _found(args.file)
    model = read_model(file)
    if args.cut:
        model, outputs = cut(model)
        classes = classes or outputs
    classes = args.labels or args.classes or classes
    if not classes:
        raise ModelError(
            "E_MODEL_CLASSES",
            f"{file} does not say which classes the boards shall tell apart.",
            "Name them with --labels, or say with --classes how many, 2 to 64; or with --cut, if the file is a "
            "classifier: its last layer says it.",
        )
    shape = Extractor(model).input_shape
    if args.hertz or args.axes or args.units or "sensor_hertz" not in about:
        about |= sensor.window(shape, args.hertz, args.axes, args.units)
    folder = own.save(args.name, model, classes, about, replace=args.force)
    sys.stderr.write(twins(args.name))
    if args.json:
        write_json(_row(args.name) | {"dense_layers": [asdict(layer) for layer in dense_layers(model)]})
    else:
        sys.stdout.write(added(args.name, folder))
    return 0


def show(args: argparse.Namespace) -> int:
    """List all models; 0.

    Args:
        args: json.
    """
    rows = [_row(name) for name in model_names()]
    if args.json:
        sys.stdout.writelines(json.dumps(row) + "\n" for row in rows)
        return 0
    Console(emoji=False, highlight=False).print(_table(rows))
    return 0


def remove(args: argparse.Namespace) -> int:
    """Remove a model of the user's own; 0.

    Args:
        args: name, json.

    Raises:
        ModelError: As `own.remove` raises it.
    """
    gone = own.remove(args.name)
    if args.json:
        write_json({"name": args.name, "removed": str(gone)})
    else:
        sys.stdout.write(f"removed {gone}\n")
    return 0


def refuse_name(name: str, *, replace: bool) -> None:
    """Refuse a name that no model of the user's own may have, also that of a task without a model.

    Raises:
        ModelError: E_MODEL_NAME, E_MODEL_EXISTS.
    """
    own.check_name(name, replace=replace)
    if name in task_names():
        raise ModelError(
            "E_MODEL_EXISTS",
            f"'{name}' is what --data calls a task of bytefed's.",
            "Give your model another --name.",
        )


def twins(name: str) -> str:
    """Return a warning if there is the same network under another name, as boards tell models by their CRC; else ""."""
    mine = Manifest.load(model_folder(name))
    shown = known_model(mine.model_hash, mine.C)
    names = sorted(twin for twin, _ in same_network(mine.model_hash))
    if len(names) < 2 or shown is None:
        return ""
    *others, last = names
    return (
        f"warning: {', '.join(others)} and {last} are the same network, and boards can't tell them apart: a board "
        f"whose {mine.C} labels have no names shows those of {shown[0]}. Name yours on the boards: "
        f"`bytefed labels set {shlex.join(mine.classes) or '--help'}`.\n"
    )


def added(name: str, folder: Path) -> str:
    """Return the lines that say which model was added, and how to use it."""
    manifest, extractor = Manifest.load(folder), Extractor.load(folder)
    shape = " x ".join(str(n) for n in extractor.input_shape)
    hertz = manifest.document.get("sensor_hertz")
    fills = f", {hertz} readings a second of the motion sensor" if hertz else ""
    lines = [
        f"{folder / name}.tflite: {manifest.document['bytes']:,} bytes, CRC {manifest.model_hash:08x}",
        f"  inputs {shape}{fills}; {extractor.D} features, {manifest.C} classes"
        + (f": {_plain(', '.join(manifest.classes))}" if manifest.classes else ""),
        f"  arena {manifest.arena_bytes:,} bytes, {extractor.work:,} multiply-accumulates an inference,"
        f" {', '.join(extractor.ops)}",
        *(_on_boards(layer) for layer in dense_layers(extractor.model) if layer.apart),
    ]
    data = name if manifest.recordings else f"FOLDER --model {name}"
    lines += [f"  bytefed run --boards virtual:3 --data {data}", f"  bytefed flash nano33ble --model {name}"]
    return "\n".join(lines) + "\n"


def _on_boards(layer: Layer) -> str:
    return (
        f"  boards may part from this computer in operator {layer.number}: at {layer.apart:,} of {layer.sums:,} sums, "
        f"by {counted(layer.most, 'step')}; the golden values come out alike"
    )


def _found(path: Path) -> tuple[Path, dict[str, Any], Sequence[str] | int]:
    """Return the .tflite file, and what is known of it: further entries of a manifest, and classes.

    A path that is none may be the name of a model.

    Raises:
        ModelError: E_MODEL_MISSING for a folder without one such file; or as manifests are refused.
    """
    if not path.exists() and str(path) in model_names():
        return _known(str(path))
    if not path.is_dir():
        return path, {}, 0
    files = sorted(file for file in path.glob("*.tflite") if not file.name.startswith("."))
    if len(files) != 1:
        raise ModelError(
            "E_MODEL_MISSING",
            f"{path} has {len(files)} .tflite files; one is needed.",
            "Name the file itself.",
        )
    if (path / FILE_NAME).is_file():  # a model's folder, as another has it
        manifest = Manifest.load(path)
        Extractor.load(path.resolve())
        known = describe(manifest.name, read_model(files[0]), manifest.document.get("classes", ["0", "1"]))
        about = {key: value for key, value in manifest.document.items() if key not in known}
        return files[0], about, manifest.classes or manifest.C
    try:
        labels = sorted({source.label for source in sources_of(path, Notes())})
    except DataError:  # no recordings beside it
        return files[0], {}, 0
    return files[0], {"recordings": {"folder": str(path.resolve())}}, labels


def _known(name: str) -> tuple[Path, dict[str, Any], Sequence[str] | int]:
    """Return the same of a model by its name, but nothing that holds for its own labels alone, as its figures do."""
    manifest = Manifest.load(model_folder(name))
    window = {
        key: manifest.document[key] for key in ("sensor_hertz", "axes", "units") if key in manifest.document
    }
    return model_folder(name) / f"{name}.tflite", window, manifest.classes or manifest.C


def _row(name: str) -> dict[str, Any]:
    """Return what the list says of a model; of a broken one, what is wrong."""
    own_one = not is_shipped(name)
    try:
        folder = model_folder(name)
        manifest = Manifest.load(folder)
    except BytefedError as error:
        return {"name": name, "own": own_one, "error": error.code, "message": error.message}
    return {
        "name": name,
        "own": own_one,
        "D": manifest.D,
        "C": manifest.C,
        "classes": list(manifest.classes),
        "input_shape": list(manifest.input_shape),
        "sensor_hertz": manifest.document.get("sensor_hertz"),
        "bytes": manifest.document.get("bytes"),
        "arena_bytes": manifest.arena_bytes,
        "model_hash": f"{manifest.model_hash:08x}",
        "recordings": manifest.recordings.get("folder"),
        "folder": str(folder),
    }


def _table(rows: list[dict[str, Any]]) -> Table:
    """Return the list as people read it."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name, numbers in _COLUMNS.items():
        table.add_column(name, justify="right" if numbers else "left", no_wrap=name != "classes")
    for row in rows:
        if "error" in row:
            table.add_row(
                row["name"],
                "own" if row["own"] else "",
                *(("",) * (len(_COLUMNS) - 3)),
                f"broken: {row['error']}",
            )
            continue
        table.add_row(
            row["name"],
            "own" if row["own"] else "",
            f"{row['D']}",
            f"{row['C']}",
            "x".join(str(n) for n in row["input_shape"]),
            f"{row['sensor_hertz'] or ''}",
            f"{row['arena_bytes']:,}",
            row["model_hash"],
            Text(_plain(", ".join(row["classes"]) or f"0 to {row['C'] - 1}")),
        )
    return table


def _plain(text: str) -> str:
    """Return a text without what could steer a terminal."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in text)
