"""The report page as headless Chromium shows it: nothing overlaps, nothing is fetched, nothing from a file runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser import CHROMIUM, chromium, inspect, screenshot
from synthetic import write_run

from bytefed.cli.main import main

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None, reason="SKIPPED: no chromium on this machine (apt install chromium)"
    ),
]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    clean = write_run(folder / "clean", 20, 8, faults=0)
    faulty = write_run(folder / "faulty", 30, 12, faults=0.2)
    large = write_run(folder / "large", 200, 64)
    assert main(["report", str(clean), "-o", str(folder / "clean.html")]) == 0
    assert main(["report", str(faulty), "-o", str(folder / "faulty.html")]) == 0
    assert main(["report", str(large), "-o", str(folder / "large.html")]) == 0
    assert main(["report", str(clean), str(faulty), str(large), "-o", str(folder / "several.html")]) == 0
    return {name: folder / f"{name}.html" for name in ("clean", "faulty", "large", "several")}


@pytest.mark.parametrize("width", [390, 820, 1280])
@pytest.mark.parametrize("name", ["clean", "faulty", "large", "several"])
def test_fits_any_screen_without_overlap(pages: dict[str, Path], name: str, width: int) -> None:
    found = inspect(pages[name], width)
    assert found["width"] <= width
    assert found["drawings"] >= 3
    assert found["overlaps"] == []
    assert found["outside"] == []
    assert found["requests"] == []
    assert found["scripts"] == 0


def test_large_run_stays_small(pages: dict[str, Path]) -> None:
    assert pages["large"].stat().st_size < 3_000_000


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1280, 900)])
def test_screenshot_and_pdf(pages: dict[str, Path], tmp_path: Path, width: int, height: int) -> None:
    screenshot(pages["faulty"], width, height, tmp_path / "page.png")
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "page.png").stat().st_size > 20_000  # not blank
    chromium(f"--print-to-pdf={tmp_path / 'page.pdf'}", pages["faulty"].as_uri())
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")


def test_text_of_a_hostile_run_stays_text(tmp_path: Path) -> None:
    evil = '<script>hacked=true</script><img src=x onerror="hacked=true">'
    run = write_run(tmp_path / "evil", 3, 2, faults=0.9)
    for name in ("bytes.csv", "sessions.csv"):
        text = (run / name).read_text().replace("serial", '"' + evil.replace('"', '""') + '"')
        (run / name).write_text(text)
    text = (run / "summary.json").read_text()
    quoted = evil.replace('"', '\\"')
    (run / "summary.json").write_text(text.replace("synthetic", quoted).replace('"test"', f'"{quoted}"'))
    assert main(["report", str(run), "-o", str(tmp_path / "evil.html")]) == 0
    found = inspect(tmp_path / "evil.html", 390)
    assert not found["hacked"]
    assert found["scripts"] == 0
    assert found["requests"] == []
    assert "<script>hacked" in found["text"]
