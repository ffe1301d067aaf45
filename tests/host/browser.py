"""Headless Chromium, for tests of pages: screenshots, PDF, and what a script in the page finds out."""

from __future__ import annotations

import functools
import html
import json
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
_HARNESS = """<!doctype html><body style="margin:0"><iframe id="page" src="/{name}" width="{width}" height="3000"
style="border:0"></iframe><pre id="found"></pre><script>
const frame = document.getElementById("page");
frame.onload = () => {{
  const page = frame.contentDocument;
  const overlaps = [], outside = [];
  for (const drawing of page.querySelectorAll("svg")) {{
    const boxes = [...drawing.querySelectorAll("text")].map((text) => [text.textContent, text.getBoundingClientRect()]);
    const name = drawing.getAttribute("aria-label");
    boxes.forEach(([one, a], index) => {{
      if (a.right > page.documentElement.clientWidth + 1 || a.left < -1) outside.push([name, one]);
      for (const [other, b] of boxes.slice(index + 1))
        if (a.left + 1 < b.right && b.left + 1 < a.right && a.top + 4 < b.bottom && b.top + 4 < a.bottom)
          overlaps.push([name, one, other]);
    }});
  }}
  document.getElementById("found").textContent = JSON.stringify({{
    width: page.documentElement.scrollWidth,
    drawings: page.querySelectorAll("svg").length,
    requests: frame.contentWindow.performance.getEntriesByType("resource").map((entry) => entry.name),
    scripts: page.querySelectorAll("script").length,
    hacked: frame.contentWindow.hacked === true,
    text: page.body.innerText.slice(0, 4000),
    overlaps, outside,
  }});
}};
</script></body>"""


def chromium(*arguments: str) -> str:
    """Run Chromium once; its standard output."""
    assert CHROMIUM
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [CHROMIUM, *_FLAGS, f"--user-data-dir={profile}", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


@contextmanager
def served(directory: Path) -> Iterator[str]:
    """A folder on localhost."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(directory)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def inspect(page: Path, width: int) -> dict[str, Any]:
    """Return a description of the page on a screen of so many pixels; see _HARNESS."""
    harness = page.with_name("harness.html")
    harness.write_text(_HARNESS.format(name=page.name, width=width), encoding="utf-8")
    with served(page.parent) as address:
        dom = chromium(f"--window-size={max(width, 500)},900", "--dump-dom", f"{address}/harness.html")
    found = re.search(r'<pre id="found">(.*?)</pre>', dom, re.DOTALL)
    assert found, dom[:500]
    result: dict[str, Any] = json.loads(html.unescape(found[1]))
    return result


def screenshot(page: Path, width: int, height: int, picture: Path) -> None:
    """A picture of a page's top; narrow ones in a frame, as windows have a least width."""
    frame = page.with_name("frame.html")
    frame.write_text(
        f'<body style="margin:0"><iframe src="{page.name}" width={width} height={height} style="border:0">'
    )
    chromium(f"--screenshot={picture}", f"--window-size={max(width, 500)},{height}", frame.as_uri())
