"""The docs site, built by `make docs` into build/site: Sphinx's settings.

The source directory is the repository's root, so that README.md, SPEC.md and docs/*.md are read where they stand and
their links hold on a site, in an editor and on a code host alike.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from sphinx.application import Sphinx

from bytefed import RunConfig

project = "bytefed"
copyright = "the bytefed authors, Apache-2.0"  # noqa: A001 -- the name that Sphinx asks for
root_doc = "docs/index"
include_patterns = [
    "*.md",
    "docs/**",
    "host/README.md",
    "models/README.md",
    "models/*/README.md",
    "firmware/**/README.md",
]
exclude_patterns = ["build", ".*", "runs"]

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 6  # links to headings are named as code hosts name them
myst_enable_extensions = ["dollarmath"]
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_show_tb = True  # a notebook that fails is a warning, and `make docs` fails at warnings
nb_execution_timeout = 300

autodoc_default_options = {"members": True}
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_use_ivar = True  # the attributes that a docstring lists are not listed twice
default_role = "code"  # docstrings have one backtick around code

html_theme = "furo"
html_title = "bytefed"
html_show_sphinx = False
html_copy_source = False
html_extra_path = ["site_root"]  # an index.html that opens docs/index.html


def add_keys(_app: Sphinx, _what: str, _name: str, shown: Any, _options: Any, lines: list[str]) -> None:
    """Put the keys of ``RunConfig``, whose help stands beside each of them, behind its docstring."""
    if shown is not RunConfig:
        return
    lines += ["", ".. list-table::", "   :header-rows: 1", "", "   * - key", "     - default", "     - "]
    defaults = RunConfig()
    for each in fields(defaults):
        if "key" in each.metadata:
            help_text = each.metadata["key"].help
            lines += [
                f"   * - ``{each.name}``",
                f"     - ``{getattr(defaults, each.name)!r}``",
                f"     - {help_text}",
            ]


def setup(app: Sphinx) -> None:
    """Tell Sphinx what to ask for docstrings."""
    app.connect("autodoc-process-docstring", add_keys)
