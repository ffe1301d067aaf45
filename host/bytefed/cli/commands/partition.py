"""`bytefed partition`: who has what, before anything runs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bytefed.data import partition
from bytefed.data.partition import Partition
from bytefed.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import Console

    from bytefed.data import Task

_EXAMPLES = """\
examples:
  bytefed partition                                  # 8 clients share the digits, Dirichlet 0.5
  bytefed partition --alpha 0.1 --clients 20         # fewer classes a client
  bytefed partition --partition shards --shards 2    # two classes a client, as in McMahan 2017

features of your own, X int8 or float32 [n, D], y integers from 0, client (optional) the owner of each row:
  python -c "import numpy as np; r = np.random.default_rng(1); np.savez('mine.npz',
    X=r.normal(size=(600, 16)).astype('float32'), y=r.integers(0, 4, 600), client=np.arange(600) // 60)"
  bytefed partition --data mine.npz --partition natural
"""
_SHADES = " ░▒▓█"


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `partition` to the command line."""
    parser = subparsers.add_parser(
        "partition",
        description="Divide a data set as `bytefed run` would, and show who has what.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--data", "-d", default="digits", help="a task by name, or FILE.npz (default: digits)")
    add("--data-dir", type=Path, metavar="DIR", help="folder with the data of tasks that are not shipped")
    add("--clients", "-cn", type=int, metavar="N",
        help="clients (default: 8, or as many as the data have owners)")  # fmt: skip
    add("--partition", choices=partition.KINDS, default="dirichlet", help="how (default: dirichlet)")
    add("--alpha", "-a", type=float, default=0.5,
        help="Dirichlet concentration; small is uneven (default: 0.5)")  # fmt: skip
    add("--shards", type=int, default=2, metavar="K", help="shards per client (default: 2)")
    add("--min-samples", type=int, default=partition.MIN_SAMPLES, metavar="N",
        help="Dirichlet draws again until each client has as many (default: 10)")  # fmt: skip
    add("--seed", type=int, default=partition.SEED, help="of every draw, 0 to 2^32 - 1 (default: 42)")
    add("--limit", type=int, default=32, metavar="N", help="show at most so many clients (default: 32)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the table; 0."""
    from rich.console import Console

    from bytefed.data import load_task

    if not 0 <= args.seed < 2**32:
        raise ConfigError("E_CONFIG_RANGE", f"The seed is {args.seed}.", "Give one from 0 to 2^32 - 1.")
    task = load_task(args.data, args.data_dir)
    divided = partition.divide(
        task,
        args.partition,
        _clients(args, task),
        alpha=args.alpha,
        shards_per_client=args.shards,
        seed=args.seed,
        min_samples=args.min_samples,
    )
    show_partition(divided, task.federated.labels, task.num_classes, Console(), limit=args.limit)
    return 0


def show_partition(
    divided: Partition, labels: NDArray[np.integer], num_classes: int, console: Console, limit: int = 32
) -> None:
    """Print how many samples of each class each client has, and how the sizes are spread.

    Args:
        divided: Who has what.
        labels: [samples of the data set], below num_classes.
        num_classes: C.
        console: Where to.
        limit: Show at most so many clients; the summary is over all.
    """
    from rich.table import Table
    from rich.text import Text

    counts = divided.counts(labels, num_classes)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("client", "train", "test", "classes"):
        table.add_column(name, justify="right")
    table.add_column(_ruler(num_classes), no_wrap=True)
    for client, row in enumerate(counts[: max(limit, 0)]):
        test = int(divided.test_sizes[client])
        cells = (client, int(row.sum()) - test, test, np.count_nonzero(row))
        table.add_row(*(str(cell) for cell in cells), Text(_shades(row, counts.max())))
    console.print(table)
    if limit < len(divided):
        console.print(f"... and {len(divided) - limit:,} more (--limit)")
    console.print(summary(divided, counts), soft_wrap=True)


def summary(divided: Partition, counts: NDArray[np.int64]) -> str:
    """One line about all clients: how many, how large, how many classes each.

    Args:
        divided: Who has what.
        counts: int64 [N, C], as `Partition.counts`.
    """
    sizes, classes = divided.sizes, np.count_nonzero(counts, axis=1)
    return (
        f"{len(divided):,} clients, {sizes.sum():,} samples; "
        f"each {sizes.min():,} / {np.median(sizes):,g} / {sizes.max():,} samples "
        f"and {classes.min()} / {np.median(classes):g} / {classes.max()} classes (min / median / max)"
    )


def _clients(args: argparse.Namespace, task: Task) -> int:
    if args.clients is not None:
        return int(args.clients)
    if args.partition == "natural" and task.clients is not None:
        return len(np.unique(task.clients))
    return 8


def _ruler(num_classes: int) -> str:
    """Class numbers above the shades: their last digits."""
    return "".join(str(label % 10) for label in range(num_classes))


def _shades(row: NDArray[np.int64], most: Any) -> str:
    """A client's classes as one character each, darker for more; blank only for none at all."""
    levels = -(-row * (len(_SHADES) - 1) // max(int(most), 1))
    return "".join(_SHADES[level] for level in levels)
