"""Makes the guide's pictures: walks the road by the page in headless Chromium, and takes one at each step.

`python tests/host/ui/ui_pictures.py docs/guide` (`make pictures`); `--width 390` for how a phone shows them.
"""

from __future__ import annotations

import argparse
import base64
import io
import tempfile
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from ui_page import Page, opened, served
from ui_road import walk

_COLORS = 64
"""As many colours as the page's flat areas and smooth letters need; more make files larger, and nothing clearer."""

_ROAD = ("capture", "trained", "live")
"""The steps on the picture of the whole road."""


def take(page: Page, selector: str, file: Path) -> None:
    """Write a part of the page as a small PNG."""
    box = page.driver.execute_script(
        "const box = document.querySelector(arguments[0]).getBoundingClientRect();"
        "return [0, box.y + scrollY - 8, document.documentElement.clientWidth, box.height + 16]",
        selector,
    )
    clip = dict(zip(("x", "y", "width", "height"), box, strict=True), scale=1)
    shot = page.driver.execute_cdp_cmd(
        "Page.captureScreenshot", {"clip": clip, "captureBeyondViewport": True}
    )
    picture = Image.open(io.BytesIO(base64.b64decode(shot["data"]))).convert("RGB")
    picture.quantize(_COLORS, dither=Image.Dither.NONE).save(file, optimize=True)


def stack(files: Sequence[Path], file: Path) -> None:
    """Write pictures of one width as one, below each other."""
    pictures = [Image.open(each).convert("RGB") for each in files]
    whole = Image.new("RGB", (pictures[0].width, sum(each.height for each in pictures)))
    top = 0
    for each in pictures:
        whole.paste(each, (0, top))
        top += each.height
    whole.quantize(_COLORS, dither=Image.Dither.NONE).save(file, optimize=True)


def main() -> None:
    """Make all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--width", type=int, default=1000, help="pixels")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as home,
        served(Path(home)) as address,
        opened(address, Path(home) / "profile", given.width) as page,
    ):
        walk(page, lambda name, selector: take(page, selector, given.folder / f"{name}.png"))
    stack([given.folder / f"{name}.png" for name in _ROAD], given.folder / "road.png")
    (given.folder / "trained.png").unlink()  # one line: on the picture of the road alone


if __name__ == "__main__":
    main()
