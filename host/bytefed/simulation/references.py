"""The float32 that a setting is measured by: as it is usually trained, as the setting trains, and at its best.

A saving is only worth as much as what it is measured by. So each setting is set beside float32 that trains as it
does and float32 at its best, both on its own features and on plain ones, and beside the usual FedAvg: for the heads
that boards hold and for the host's, and on a sealed link with and without the handshake.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bytefed.data import task_names
from bytefed.ledger.bytes_to import SHARES
from bytefed.simulation.beside import Beside, geometric, present, reached
from bytefed.simulation.sweep import Cells, Setting, best_reference

COMPARISONS = "comparisons.csv"
EPOCHS, RATES, BATCH = (1, 5, 20), (0.05, 0.2, 0.5), 8
"""The grid of local epochs and rates over which float32 is looked for at its best, and its batch."""
AGAINST = ("classic", "same", "same plain", "best", "best plain")
"""The references by name: the classic one on plain features; float32 that trains as the setting does, on the same
features and on plain ones; float32 at its best on both."""
HEADS = {"boards": "held", "host": "accuracy"}
"""The heads that are asked for their accuracy, the boards' or the host's, and their names in a trial."""

_PLAIN = "_plain"


@dataclass(frozen=True)
class Comparison(Setting):
    """A setting beside one float32, over all seeds: a line of comparisons.csv.

    Bytes are those of a board until the head has 99 % of the accuracy that the reference ends with, mean over the seeds
    that get there; `fewer` is how many times as many the reference takes, geometric mean.

    Attributes:
        against: One of AGAINST.
        reference_data, reference_epochs, reference_rate, reference_batch: The reference.
        head: The head that is asked, "boards" or "host".
        handshake: Whether the handshakes of sealed links count.
        seeds: Number of seeds.
        reached: Number of seeds that get there.
        bytes, reference_bytes: Bytes of a board.
        fewer, fewer_low, fewer_high: Geometric mean, least and most over the seeds.
        change, worst_change: Final accuracy beyond the reference's, in points: mean, and that of the worst seed.
    """

    against: str
    reference_data: str
    reference_epochs: int
    reference_rate: float
    reference_batch: int
    head: str
    handshake: bool
    seeds: int
    reached: int
    bytes: float
    reference_bytes: float
    fewer: float
    fewer_low: float
    fewer_high: float
    change: float
    worst_change: float


def plain(data: str) -> str:
    """Return the task or file with the plain features of the same samples; `data` itself if there is none.

    That of NAME is the task NAME_plain, and that of NAME.npz the file NAME_plain.npz beside it.
    """
    path = Path(data)
    beside = str(path.with_name(f"{path.stem}{_PLAIN}{path.suffix}"))
    return beside if beside in task_names() or (path.suffix and Path(beside).is_file()) else data


def with_references(settings: Sequence[Setting]) -> list[Setting]:
    """Return the settings, and behind them the float32 that they are compared with and that the grid lacks."""
    wanted = list(settings)
    for setting in settings:
        wanted += [_classic(setting), _same_plain(setting)]
        for data, epochs, rate in product((setting.data, plain(setting.data)), EPOCHS, RATES):
            like = replace(setting.reference, data=data, batch_size=BATCH)
            wanted.append(replace(like, local_epochs=epochs, learning_rate=rate))
    return list(dict.fromkeys(wanted))


def compare(setting: Setting, cells: Cells, handshake: int) -> list[Comparison]:
    """Compare the trials of a setting with those of all its references.

    Args:
        setting: The setting.
        cells: The trials of all settings that ``with_references`` names.
        handshake: Bytes of a board's handshake; 0 on an open link.
    """
    same_data, plain_data = (replace(setting, data=data) for data in (setting.data, plain(setting.data)))
    rivals = (
        _classic(setting),
        setting.reference,
        _same_plain(setting),
        best_reference(same_data, cells),
        best_reference(plain_data, cells),
    )
    rows = []
    for against, rival in zip(AGAINST, rivals, strict=True):
        beside = Beside(cells[setting], cells[rival])
        for head, counted in product(HEADS, (True, False) if handshake else (True,)):
            rows.append(_row(setting, against, rival, beside, head, 0 if counted else handshake))
    return rows


def _classic(setting: Setting) -> Setting:
    """Return FedAvg with float32 on plain features as it is usually trained: 5 epochs at 0.05."""
    like = replace(setting.reference, data=plain(setting.data), strategy="fedavg")
    return replace(like, local_epochs=5, learning_rate=0.05, batch_size=BATCH)


def _same_plain(setting: Setting) -> Setting:
    """Return float32 that trains as the setting does, on plain features."""
    return replace(setting.reference, data=plain(setting.data))


def _row(
    setting: Setting, against: str, rival: Setting, beside: Beside, head: str, without: int
) -> Comparison:
    what = HEADS[head]
    ratio = beside.ratio(what, without)
    own, others = present(beside.bytes_to(SHARES[1], what)), present(beside.reference_bytes(what))
    return Comparison(
        **asdict(setting), against=against, reference_data=rival.data, reference_epochs=rival.local_epochs,
        reference_rate=rival.learning_rate, reference_batch=rival.batch_size, head=head, handshake=not without,
        seeds=len(ratio), reached=reached(ratio), bytes=float(own.mean()) - without,
        reference_bytes=float(others.mean()) - without, fewer=geometric(ratio),
        fewer_low=float(present(ratio).min()), fewer_high=float(present(ratio).max()),
        change=float(beside.change.mean()), worst_change=float(beside.change.min()),
    )  # fmt: skip


class Group(NamedTuple):
    """All that comparisons of different tasks share, so that a mean is taken over them; the setting names no data."""

    setting: Setting
    against: str
    head: str
    handshake: bool

    @classmethod
    def of(cls, row: Comparison) -> Group:
        """Return the group of a comparison."""
        shared = {field.name: getattr(row, field.name) for field in fields(Setting)}
        return cls(Setting(**shared | {"data": ""}), row.against, row.head, row.handshake)


def over_tasks(rows: Iterable[Comparison]) -> dict[Group, float]:
    """Return the geometric mean of `fewer` over the tasks of each group; NaN where one of them has no figure."""
    found: dict[Group, list[float]] = {}
    for row in rows:
        found.setdefault(Group.of(row), []).append(row.fewer)
    return {group: float(np.exp(np.log(values).mean())) for group, values in found.items()}
