"""JSON files of a run directory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bytefed.private_files import make_file
from bytefed.runs.directory import coded_errors


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write a JSON file; other programs never see half of it."""
    with coded_errors(path.parent):
        fresh = path.with_name(path.name + ".new")
        make_file(fresh).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        fresh.replace(path)
