"""The HTML of a report, whatever it is about: the document, its tables, tiles and charts.

It has no script and asks nothing of the network: a Content-Security-Policy forbids both, so that even text from a
hostile run directory that slipped through `escape` could do nothing.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from bytefed.errors import StoreError
from bytefed.private_files import make_file
from bytefed.report import svg
from bytefed.report.chart import Chart


class Tile(NamedTuple):
    """A figure in large type at the head of a page.

    Attributes:
        title: Its name.
        value: The figure, HTML.
        note: A line below it, HTML.
        css: Another class of the figure, such as "good".
    """

    title: str
    value: str
    note: str
    css: str = ""


def frame(title: str, content: str, *, live: bool = False) -> str:
    """An HTML document.

    Args:
        title: For the browser's tab.
        content: HTML.
        live: Whether it asks its server for news; see live.py.
    """
    script = _asset("live.js") if live else ""
    policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    if live:
        policy += f"; script-src '{_hash(script)}'; connect-src 'self'"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)} · bytefed</title>\n<style>{_asset('page.css')}</style>\n</head>\n<body>\n"
        f'<main id="report">\n{content}\n</main>\n'
        + (f"<script>{script}</script>\n" if live else "")
        + "</body>\n</html>\n"
    )


def write_document(path: Path, text: str) -> Path:
    """Write a page that was made by ``frame`` in one step, as others see it.

    Args:
        path: The page.
        text: Its text.

    Returns:
        The same path.

    Raises:
        StoreError: E_REPORT_WRITE if it can't be written.
    """
    fresh = path.with_name(path.name + ".new")
    try:
        make_file(fresh).write_text(text, encoding="utf-8")
        fresh.replace(path)
    except OSError as error:
        raise StoreError(
            "E_REPORT_WRITE",
            f"{path} can't be written ({error.strerror}).",
            "Name another file with --output.",
        ) from error
    return path


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, sum_row: bool = False) -> str:
    """Return a table; what stands in its cells is HTML.

    Args:
        head: The columns' titles.
        rows: Cells, as many in each row as there are titles.
        sum_row: Whether the last row is the sum of the others.
    """
    top = "".join(f"<th>{title}</th>" for title in head)
    lines = [
        ('<tr class="sum">' if sum_row and row is rows[-1] else "<tr>")
        + "".join(
            f'<td class="bar">{cell}</td>' if cell.startswith("<div") else f"<td>{cell}</td>" for cell in row
        )
        + "</tr>"
        for row in rows
    ]
    return (
        f'<div class="panel scroll"><table><thead><tr>{top}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def tiles(shown: Iterable[Tile]) -> str:
    """Return tiles in a row."""
    cells = (
        f'<div><dt>{tile.title}</dt><dd class="{" ".join(filter(None, ("big", tile.css)))}">{tile.value}</dd>'
        f"<dd>{tile.note}</dd></div>"
        for tile in shown
    )
    return f'<dl class="keys">{"".join(cells)}</dl>'


def section(title: str, drawn: Sequence[Chart]) -> str:
    """Return charts under a heading; nothing where there are none."""
    return (
        f'<h2>{title}</h2>\n<div class="charts">' + "\n".join(map(_figure, drawn)) + "</div>" if drawn else ""
    )


def _figure(chart: Chart) -> str:
    entries = "".join(
        f'<li><i class="{form}" style="--c:var(--{color})"></i>{escape(label)}</li>'
        for label, color, form in svg.legend(chart)
    )
    key = f'<ul class="legend">{entries}</ul>' if entries else ""
    return (
        f"<figure><h3>{escape(chart.title)}</h3><figcaption>{escape(chart.note)}</figcaption>"
        f"{key}{svg.draw(chart)}</figure>"
    )


def percent(value: float | None) -> str:
    """An accuracy for people."""
    return "-" if value is None else f"{100 * value:.2f} %"


def _asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
