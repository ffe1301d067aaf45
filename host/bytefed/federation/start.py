"""The head that a run begins with: zeros, or one that another run made and a file holds."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bytefed.codec.downlink import head_crc
from bytefed.data import archive
from bytefed.data.archive import Array
from bytefed.data.task import MAX_CLASSES, MAX_FEATURES, Task
from bytefed.errors import DataError
from bytefed.federation.evaluation import evaluate
from bytefed.federation.held import HeldTask
from bytefed.federation.rules import initial_head
from bytefed.head import Head, parameters

ARRAYS = ("W", "b", "classes", "scale", "zero_point", "model_hash")
"""The arrays of a head's .npz file: `bytefed export` writes all, and W and b alone will do."""

_MOST_BYTES = 2 * 4 * parameters(MAX_FEATURES, MAX_CLASSES)
_EXPORT = (
    "Make one of a run, `bytefed export DIR`, and name its head.npz; or name the head.npy of a simulation."
)


def first_head(file: str, task: Task | HeldTask) -> Head:
    """Return the head that a run of a task begins with, float32 [P].

    Args:
        file: A .npz file of `bytefed export`, or the head.npy of a simulation; "" for zeros.
        task: The task to be learnt.

    Raises:
        DataError: E_HEAD_FILE for a file that holds no head, E_HEAD_SHAPE for a head of another size, E_HEAD_FEATURES
            for one that was learnt on other features, E_HEAD_LABELS for one with other labels.
    """
    if not file:
        return initial_head(task)
    path = Path(file)
    head = _from_npy(path, task) if path.suffix.lower() == ".npy" else _from_npz(path, task)
    if not np.isfinite(head).all():
        raise DataError("E_HEAD_FILE", f"{path} holds a NaN or an infinity, which no head has.", _EXPORT)
    return head


class Beginning(NamedTuple):
    """The beginning of a run as its user is told of it.

    Attributes:
        head: float32 [P], the head of round 0.
        summary: Entries of summary.json; none for a run that begins with zeros.
        remarks: Sentences for the user.
    """

    head: Head
    summary: dict[str, Any]
    remarks: tuple[str, ...]


def began_with(file: str, head: Head, task: Task | HeldTask) -> Beginning:
    """Say what a run began with.

    Args:
        file: As for ``first_head``.
        head: float32 [P], the head that was in it.
        task: The task that is learnt.
    """
    if not file:
        return Beginning(head, {}, ())
    summary: dict[str, Any] = {"file": file, "crc32": f"{head_crc(head):08x}"}
    if isinstance(task, HeldTask):
        return Beginning(head, {"began_with": summary}, (f"begins with the head of {file}",))
    accuracy = evaluate(task, head, task.test).accuracy
    summary["accuracy"] = round(accuracy, 6)
    said = f"begins with the head of {file}: {100 * accuracy:.1f} % on the global test set"
    return Beginning(head, {"began_with": summary}, (said,))


def _from_npy(path: Path, task: Task | HeldTask) -> Head:
    """Read a head as simulations leave it: all parameters in a row, and nothing that says what they mean."""
    try:
        _refuse_large(path, path.stat().st_size)
        head = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError, MemoryError, OverflowError) as error:
        raise _unreadable(path, error) from error
    if not isinstance(head, np.ndarray):  # an archive by another name
        raise _unreadable(path, ValueError("it is no .npy file"))
    wanted = (parameters(task.D, task.num_classes),)
    if head.shape != wanted:
        raise _shape(path, str(head.shape), f"{wanted}, {task.D} x {task.num_classes} weights and biases")
    return _floats(path, head)


def _from_npz(path: Path, task: Task | HeldTask) -> Head:
    try:
        with zipfile.ZipFile(path) as file:
            _refuse_large(path, sum(member.file_size for member in file.infolist()))
        arrays = archive.read(path, ARRAYS)
        archive.need(path, arrays, ("W", "b"))
    except (OSError, zipfile.BadZipFile, ValueError) as error:
        raise _unreadable(path, error) from error
    except DataError as error:
        raise DataError("E_HEAD_FILE", error.message, _EXPORT) from error
    W, b = arrays["W"], arrays["b"]
    if W.shape != (task.D, task.num_classes) or b.shape != (task.num_classes,):
        raise _shape(
            path, f"W {W.shape} and b {b.shape}", f"({task.D}, {task.num_classes}) and ({task.num_classes},)"
        )
    _compare_features(path, arrays, task)
    _compare_labels(path, arrays, task)
    return np.concatenate([_floats(path, W).ravel(), _floats(path, b)])


def _compare_features(path: Path, arrays: Mapping[str, Array], task: Task | HeldTask) -> None:
    """Refuse a head whose features mean something else, as far as both sides say what theirs mean."""
    own: dict[str, float] = {"model_hash": task.extractor_hash}
    if isinstance(task, Task):  # what features on boards mean is known to their extractor alone
        own["scale"] = float(np.float32(task.quantization.scale))
        own["zero_point"] = task.quantization.zero_point
    found = {name: _number(arrays.get(name)) for name in own}
    if not (found["model_hash"] and own["model_hash"]):  # one side's features came ready
        del found["model_hash"]
    differing = [name for name, value in found.items() if value is not None and value != own[name]]
    if differing:
        shown = (
            (f"{int(found[name] or 0):08x}", f"{int(own[name]):08x}")
            if name == "model_hash"
            else (f"{found[name]:g}", f"{own[name]:g}")
            for name in differing[:1]
        )
        theirs, ours = next(shown)
        raise DataError(
            "E_HEAD_FEATURES",
            f"{path} was learnt on other features: their {differing[0].replace('_', ' ')} is {theirs}, that of"
            f" {task.name} {ours}.",
            "Give --data what that head was learnt on, or begin without --head.",
        )


def _compare_labels(path: Path, arrays: Mapping[str, Array], task: Task | HeldTask) -> None:
    classes = arrays.get("classes")
    if classes is None or not task.classes:
        return
    names = tuple(str(name) for name in classes.ravel())
    if names != task.classes:
        first = next((pair for pair in zip(names, task.classes, strict=False) if pair[0] != pair[1]), None)
        told = f"'{first[0][:40]}' stands where {task.name} has '{first[1][:40]}'" if first else "too few"
        raise DataError(
            "E_HEAD_LABELS",
            f"{path} has other labels: {told}.",
            "Give --data with the labels that the head was learnt with, or begin without --head.",
        )


def _number(array: Array | None) -> float | None:
    """Return the value of an array with one number; None for an array that is missing, NaN for any other."""
    if array is None:
        return None
    return float(array.item()) if array.size == 1 and array.dtype.kind in "iuf" else float("nan")


def _floats(path: Path, values: NDArray[Any]) -> Head:
    if values.dtype.kind not in "fiu":
        raise DataError("E_HEAD_FILE", f"{path} holds {values.dtype}, and no numbers.", _EXPORT)
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(values, np.float32)


def _refuse_large(path: Path, size: int) -> None:
    if size > _MOST_BYTES:
        raise DataError(
            "E_HEAD_FILE", f"{path} holds {size:,} B; no head takes more than {_MOST_BYTES:,} B.", _EXPORT
        )


def _unreadable(path: Path, error: Exception) -> DataError:
    reason = getattr(error, "strerror", None) or error
    return DataError("E_HEAD_FILE", f"{path} can't be read as a head ({reason}).", _EXPORT)


def _shape(path: Path, found: str, wanted: str) -> DataError:
    return DataError(
        "E_HEAD_SHAPE",
        f"{path} holds {found}; the head of this run has {wanted}.",
        "Give --data what that head was learnt on, or begin without --head.",
    )
