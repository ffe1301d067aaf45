"""`bytefed partition`: who has what, before anything runs."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bytefed.cli.options import add_options, given_options
from bytefed.cli.telling import add_json, write_json
from bytefed.data.partition import MIN_SAMPLES, Partition
from bytefed.errors import ConfigError, check_range, counted
from bytefed.federation.config import RunConfig

if TYPE_CHECKING:
    from rich.console import Console

    from bytefed.data import Task
    from bytefed.data.columns import Columns

_KEYS = (
    "data", "model", "data_dir", "window", "hop", "partition", "alpha", "shards", "samples", "local_test", "seed",
)  # fmt: skip
_ALIASES = {"data": ("-d",), "alpha": ("-a",)}
_EXAMPLES = """\
examples:
  bytefed partition                                  # 8 clients share the digits, Dirichlet 0.5
  bytefed partition --alpha 0.1 --clients 20         # fewer classes a client
  bytefed partition --partition shards --shards 2    # two classes a client, as in McMahan 2017
  bytefed partition --flbench -d cifar10 -a 0.1 -cn 100    # FL-bench's own table of CIFAR-10

features of your own, X numbers [n, D], y a label for each row, client (optional) the owner of each row:
  python -c "import numpy as np; r = np.random.default_rng(1); np.savez('mine.npz',
    X=r.normal(size=(600, 16)).astype('float32'), y=r.integers(0, 4, 600), client=np.arange(600) // 60)"
  bytefed partition --data mine.npz --partition natural
"""
_CLIENTS = 8
_SHADES, _PLAIN_SHADES = " ░▒▓█", " .:+#"


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `partition` to the command line."""
    parser = subparsers.add_parser(
        "partition",
        description="Divide a data set as `bytefed run` would, and show who has what: a column for each class, "
        "the darker the more samples.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--clients", "-cn", type=int, metavar="N",
        help="clients (default: 8, or as many as the data have owners)")  # fmt: skip
    add("--min-samples", type=int, default=MIN_SAMPLES, metavar="N",
        help="Dirichlet draws again until each client has as many (default: 10)")  # fmt: skip
    add("--limit", type=int, default=32, metavar="N", help="show at most so many clients (default: 32)")
    add("--flbench", action="store_true",
        help="divide ALL samples of a data set of bytefed's own, as FL-bench does, "
        "and tell what a run does differently")  # fmt: skip
    add_json(parser)
    add("--columns", action="store_true", help="show the offset and the step of each column of real features")
    add_options(parser.add_argument_group("keys, as of bytefed run"), _KEYS, _ALIASES)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the table; return 0."""
    from rich.console import Console

    from bytefed.federation.assignment import Assignment, natural_clients, task_of

    config = RunConfig.resolve(None, given_options(args))
    if args.clients is not None:
        check_range("--clients", args.clients, 1, 10_000_000)
    check_range("--min-samples", args.min_samples, 0, 2**31 - 1)
    check_range("--limit", args.limit, 0, 10_000_000)
    if args.flbench:
        clients = args.clients or _CLIENTS
        show_flbench(config, clients, args.min_samples, args.limit, as_json=args.json)
        return 0
    task = task_of(config)
    clients = args.clients or natural_clients(config, task) or _CLIENTS
    assignment = Assignment.divided(config, task, clients, args.min_samples)
    owners = task.owners if config.partition == "natural" else ()
    if args.json:
        found = document(assignment.partition, task.federated.labels, task.classes, task.num_classes, owners)
        write_json({**found, "remarks": list(assignment.remarks)})
        return 0
    console = Console(emoji=False, highlight=False)
    show_partition(assignment.partition, task.federated.labels, task.num_classes, console, args.limit, owners)
    show_data(task, console, columns=args.columns)
    for remark in assignment.remarks:
        console.print(f"data: {remark}", style="yellow", markup=False, soft_wrap=True)
    return 0


def document(
    divided: Partition,
    labels: NDArray[np.integer],
    names: Sequence[str],
    num_classes: int,
    owners: Sequence[str] = (),
) -> dict[str, Any]:
    """Return who has what as an object for scripts: all clients, each with its samples of each class.

    Args:
        divided: The samples of each client.
        labels: [samples of the data set], below num_classes.
        names: The classes' names; empty where they have none.
        num_classes: C.
        owners: The name of each client, where they have some.
    """
    counts = divided.counts(labels, num_classes).tolist()
    clients = [
        {"client": client, "train": sum(row) - test, "test": test, "samples": row}
        for client, (row, test) in enumerate(zip(counts, divided.test_sizes.tolist(), strict=True))
    ]
    for client, owner in zip(clients, owners, strict=False):
        client["owner"] = owner
    return {"classes": list(names) or [str(number) for number in range(num_classes)], "clients": clients}


def show_flbench(
    config: RunConfig, clients: int, min_samples: int, limit: int, *, as_json: bool = False
) -> None:
    """Print FL-bench's division of all samples of a data set, and what a run does differently.

    Raises:
        ConfigError: E_PARTITION_KIND for another division than Dirichlet's, or data that are not bytefed's own.
        DataError: The data can't be read.
    """
    from rich.console import Console

    from bytefed.data.load import TASKS
    from bytefed.data.partition import dirichlet

    source = TASKS.get(config.data)
    if source is None or config.partition != "dirichlet":
        raise ConfigError(
            "E_PARTITION_KIND",
            "--flbench is FL-bench's Dirichlet division of a data set that it has by name.",
            f"Leave --partition out, and name one of these: --data {', '.join(sorted(TASKS))}.",
        )
    raw, division = source.load(Path(config.data_dir) if config.data_dir else None)
    divided = dirichlet(
        raw.labels, len(raw.classes), clients, config.alpha, config.seed, min_samples, config.local_test
    )
    if as_json:
        write_json(document(divided, raw.labels, raw.classes, len(raw.classes)))
        return
    console = Console(emoji=False, highlight=False)
    show_partition(divided, raw.labels, len(raw.classes), console, limit)
    pretrain, federated, test = (len(part) for part in (division.pretrain, division.federated, division.test))
    console.print(
        f"FL-bench divides all {len(raw.labels):,} samples and trains whole networks. A run of bytefed first sets "
        f"{pretrain:,} aside for the extractor and {test:,} for the global test, and divides the other {federated:,}: "
        "no board trains or tests on what the extractor has seen. `bytefed partition` without --flbench shows that.",
        soft_wrap=True,
    )


def show_partition(
    divided: Partition,
    labels: NDArray[np.integer],
    num_classes: int,
    console: Console,
    limit: int = 32,
    owners: Sequence[str] = (),
) -> None:
    """Print how many samples of each class each client has, and how the sizes are spread.

    Args:
        divided: The samples of each client.
        labels: [samples of the data set], below num_classes.
        num_classes: C.
        console: Where they are printed.
        limit: The most clients to show, 0 or more; the summary is over all.
        owners: The name of each client, where they have some.
    """
    from rich.table import Table
    from rich.text import Text

    counts = divided.counts(labels, num_classes)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("client", "train", "test", "classes"):
        table.add_column(name, justify="right")
    table.add_column(_ruler(num_classes), no_wrap=True)
    shades = _SHADES if console.encoding.lower().startswith("utf") else _PLAIN_SHADES
    for client, row in enumerate(counts[:limit]):
        test = int(divided.test_sizes[client])
        cells = (int(row.sum()) - test, test, np.count_nonzero(row))
        label = Text(owners[client] if owners else str(client))
        table.add_row(label, *(str(cell) for cell in cells), Text(_shades(row, counts.max(), shades)))
    console.print(table)
    if limit < len(divided):
        console.print(f"... and {len(divided) - limit:,} more (--limit)")
    console.print(summary(divided, counts), soft_wrap=True)


def show_data(task: Task, console: Console, *, columns: bool) -> None:
    """Print the classes' names, and how real features became codes.

    Args:
        task: The task that was loaded.
        console: Where they are printed.
        columns: Show each column's offset and step.
    """
    numbers = tuple(str(number) for number in range(task.num_classes))
    if task.classes and task.classes != numbers:
        named = ", ".join(f"{number} {name}" for number, name in enumerate(task.classes))
        console.print(f"classes: {named}", markup=False, soft_wrap=True)
    if task.columns is None:
        return
    console.print(
        f"{task.D} columns of real features, each with an offset and a step of its own"
        + ("" if columns else " (--columns shows them)"),
        soft_wrap=True,
    )
    if columns:
        _show_columns(task.columns, console)


def _show_columns(columns: Columns, console: Console) -> None:
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("column", "offset", "step", "from", "to"):
        table.add_column(name, justify="right")
    for number, (offset, step) in enumerate(zip(columns.offset, columns.step, strict=True)):
        reach = ("constant", "", "") if np.isinf(step) else (step, offset - 128 * step, offset + 127 * step)
        cells = (value if isinstance(value, str) else f"{value:.4g}" for value in (offset, *reach))
        table.add_row(str(number), *cells)
    console.print(table)


def summary(divided: Partition, counts: NDArray[np.int64]) -> str:
    """Return one line about all clients: how many, how large, how many classes each.

    Args:
        divided: The samples of each client.
        counts: int64 [N, C], as `Partition.counts`.
    """
    sizes, classes = divided.sizes, np.count_nonzero(counts, axis=1)
    return (
        f"{counted(len(divided), 'client')}, {counted(int(sizes.sum()), 'sample')}; "
        f"each {sizes.min():,} / {np.median(sizes):,g} / {sizes.max():,} samples "
        f"and {classes.min()} / {np.median(classes):g} / {classes.max()} classes (min / median / max)"
    )


def _ruler(num_classes: int) -> str:
    """Return the last digits of the class numbers, as a ruler above the shades."""
    return "".join(str(label % 10) for label in range(num_classes))


def _shades(row: NDArray[np.int64], most: Any, shades: str) -> str:
    """Return a client's classes as one character each, darker for more samples; blank only for none at all."""
    levels = -(-row * (len(shades) - 1) // max(int(most), 1))
    return "".join(shades[level] for level in levels)
