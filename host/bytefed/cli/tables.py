"""Tables at any width of the terminal; and one of bytes in both directions."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from bytefed.ledger.count import ByteCount

_ANY_WIDTH = 10_000


def show_table(console: Console, table: Table) -> None:
    """Print a table; where it is wider than the terminal, each of its rows as a block with a line for each column.

    A table that is squeezed loses digits, and one that is wrapped by the terminal loses its columns.

    Args:
        console: Where it is printed.
        table: The table; its headers are words, not renderings of their own.
    """
    needed = console.measure(table, options=console.options.update(max_width=_ANY_WIDTH)).maximum
    if needed <= console.width:
        console.print(table)
        return
    if table.title:
        console.print(table.title, soft_wrap=True)
    for cells in zip(*(column.cells for column in table.columns), strict=True):
        block = Table.grid(padding=(0, 2))
        for column, cell in zip(table.columns, cells, strict=True):
            block.add_row(column.header, cell)
        console.print(block)
        console.print()


def count_table(boards: str, rows: Mapping[str, ByteCount]) -> Table:
    """Return a table of wire bytes: a row for each count, down, up and both.

    Args:
        boards: "board" or "boards": who is at the other end.
        rows: The counts by their names.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("bytes")
    for name in (f"to the {boards}", f"from the {boards}", "both"):
        table.add_column(name, justify="right")
    for name, count in rows.items():
        table.add_row(name, f"{count.wire_down:,}", f"{count.wire_up:,}", f"{count.wire_total:,}")
    return table
