"""The models broken on purpose are still models of this emulator."""

from __future__ import annotations

import pytest
from broken_models import BROKEN, SOURCES, Broken
from test_metal import GROUPS


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: f"{broken.file}-{broken.group}")
def test_its_text_stands_in_the_source_once(broken: Broken) -> None:
    assert (SOURCES / broken.file).read_text().count(broken.text) == 1
    assert broken.instead != broken.text
    assert broken.group in GROUPS
