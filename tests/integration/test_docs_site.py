"""The docs site: it builds without a warning, needs no network, and runs its notebooks; every public name is on it."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import bytefed

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "docs/notebooks").glob("*.ipynb"))
needs_builder = pytest.mark.skipif(
    not all(
        importlib.util.find_spec(name) for name in ("sphinx", "myst_nb", "furo", "ipykernel", "matplotlib")
    ),
    reason="SKIPPED: the builder of the docs site is not installed (pip install '.[docs]')",
)


def build(source: Path, site: Path) -> subprocess.CompletedProcess[str]:
    """Build as `make docs` does; Jupyter's own files go beside the site, since homes may be read-only."""
    own = site.parent / "jupyter"
    folders = ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "MPLCONFIGDIR")
    (make,) = re.findall(r"\$\(BIN\)/python (-m sphinx .*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    places = {"build/doctrees": str(site.parent / "doctrees"), "docs": str(ROOT / "docs"), ".": str(source)}
    words = [places.get(word, word) for word in make.split()]
    return subprocess.run(
        [sys.executable, *words[:-1], str(site)],
        cwd=ROOT,
        env=os.environ | {name: str(own / name.lower()) for name in folders},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs") / "site"
    done = build(ROOT, folder)
    assert done.returncode == 0, done.stderr
    return folder


def page(site: Path, name: str) -> str:
    return (site / name).read_text("utf-8")


def test_every_public_name_is_in_the_reference_once() -> None:
    named = re.findall(
        r"^\.\. (?:auto|py:)\w+:: bytefed\.(\w+)$", (ROOT / "docs/api.md").read_text(), re.MULTILINE
    )
    assert sorted(named) == sorted(bytefed.__all__)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_outputs(notebook: Path) -> None:
    cells = [each for each in json.loads(notebook.read_text("utf-8"))["cells"] if each["cell_type"] == "code"]
    assert [each for each in cells if each["outputs"] or each["execution_count"]] == []
    assert any("assert " in line for each in cells for line in each["source"])


@needs_builder
@pytest.mark.slow
@pytest.mark.xdist_group("docs")
def test_the_front_page_has_four_doors_and_the_site_opens_there(site: Path) -> None:
    doors = ("student", "maker", "researcher", "embedded")
    assert all(f'href="roads/{door}.html"' in page(site, "docs/index.html") for door in doors)
    assert "url=docs/index.html" in page(site, "index.html")


@needs_builder
@pytest.mark.slow
@pytest.mark.xdist_group("docs")
def test_docstrings_are_on_the_page_of_the_api(site: Path) -> None:
    text = page(site, "docs/api.html")
    assert [name for name in bytefed.__all__ if f'id="bytefed.{name}"' not in text] == []
    assert "Train boards over rounds, and count every byte" in text
    assert "rounds to run; with a budget as many as that pays" in text  # a key of RunConfig, from its help


@needs_builder
@pytest.mark.slow
@pytest.mark.xdist_group("docs")
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_is_shown_with_its_outputs(site: Path, notebook: Path) -> None:
    text = page(site, f"docs/notebooks/{notebook.stem}.html")
    assert text.count("cell_output") >= 4
    assert re.search(r'<img[^>]+src="[^"]+\.png"', text)


@needs_builder
@pytest.mark.slow
@pytest.mark.xdist_group("docs")
def test_readers_need_no_network(site: Path) -> None:
    loads = re.compile(
        r"""<(?:script|img|iframe)[^>]+src=["']?(?:https?:)?//|<link[^>]+href=["']?(?:https?:)?//"""
    )
    imports = re.compile(r"""(?:@import|url\()\s*["']?(?:https?:)?//""")
    pages = list(site.rglob("*.html"))
    assert len(pages) > 40
    assert [each for each in pages if loads.search(each.read_text("utf-8"))] == []
    assert [each for each in site.rglob("*.css") if imports.search(each.read_text("utf-8"))] == []


NOTEBOOK_THAT_FAILS = """{"cells": [{"cell_type": "code", "id": "a", "source": ["assert False"], "metadata": {},
"outputs": [], "execution_count": null}], "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
"nbformat": 4, "nbformat_minor": 5}"""


@needs_builder
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("index.md", "# A page\n\n[gone](gone.md)", "cross-reference target not found: 'gone.md'"),
        ("index.md", "# A page\n\n[gone](#gone)", "cross-reference target not found: 'gone'"),
        ("index.md", "# A page\n\n![gone](gone.png)", "image file not readable"),
        ("other.md", "# A page", "isn't included in any toctree"),
        ("other.ipynb", NOTEBOOK_THAT_FAILS, "AssertionError"),
    ],
    ids=["a page", "a heading", "a picture", "a road", "a notebook"],
)
def test_what_is_broken_fails_the_build(tmp_path: Path, name: str, text: str, said: str) -> None:
    docs = tmp_path / "source/docs"
    docs.mkdir(parents=True)
    (docs / "index.md").write_text("# The front page")
    (docs / name).write_text(text)
    done = build(tmp_path / "source", tmp_path / "site")
    assert done.returncode != 0
    assert said in done.stderr
