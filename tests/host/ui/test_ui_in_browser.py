"""The road of a new user by the page, in headless Chromium (ui_road.py), and what must hold wherever it goes."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from said_words import save, save_words

pytest.importorskip("selenium", reason="selenium is not installed")

from ui_page import CHROMIUM, DRIVER, Page, opened, served
from ui_road import all_that_is_said, connect_boards_that_hear, export, stop_a_capture, walk

from bytefed import _core
from bytefed.extractor.extractor import Extractor, outputs

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None or DRIVER is None, reason="chromium or its chromedriver is not installed"
    ),
]


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    with served(tmp_path) as url:
        yield url


@pytest.fixture
def page(address: str, tmp_path: Path) -> Iterator[Page]:
    with opened(address, tmp_path / "profile") as found:
        yield found


def classifies_as_boards(files: dict[str, Path]) -> None:
    """The exported classifier, run by TFLM, gives windows the labels that boards with the exported head give them."""
    extractor = Extractor.load("motion")
    windows = np.random.default_rng(4).integers(-128, 128, (200, *extractor.input_shape)).astype(np.int8)
    head = np.load(files["head.npz"])
    values = np.concatenate([head["W"].ravel(), head["b"]]).astype(np.float32)
    logits = np.empty(200 * 3, np.float32)
    meaning = extractor.quantization
    features = extractor.extract(windows)
    _core.logits(values, features, 3, scale=meaning.scale, zero_point=meaning.zero_point, out=logits)
    said = outputs(files["classifier.tflite"].read_bytes(), windows).argmax(axis=1)
    assert (said == logits.reshape(-1, 3).argmax(axis=1)).all()
    with zipfile.ZipFile(files["classify.zip"]) as archive:
        assert sorted(archive.namelist()) == ["classify/classifier.h", "classify/classify.ino"]
        assert b'"walk"' in archive.read("classify/classifier.h")


def test_from_no_board_to_live_predictions(page: Page, address: str, tmp_path: Path):
    looked: list[str] = []
    walk(page, lambda name, selector: looked.append(name) if page.all(selector) else None)
    assert len(looked) == 7
    stop_a_capture(page)
    classifies_as_boards(export(page, tmp_path / "kept"))
    for width, dark in ((1400, True), (390, False)):
        page.size(width, dark=dark)
        assert page.driver.execute_script("return document.documentElement.scrollWidth") <= width
    origin = address.partition("/?")[0]
    asked = page.driver.execute_script(
        "return performance.getEntriesByType('resource').map((one) => one.name)"
    )
    assert asked
    assert all(name.startswith(f"{origin}/") for name in asked)
    assert "token" not in page.driver.current_url
    assert page.driver.get_log("browser") == []


SHOWN_ON_THE_PAGE = [
    ("seven", "seven", "seven", True, "window 43: seven, 98.4 %; "),
    ("seven", "six", "six", False, "window 43: seven, 98.4 %; "),
    ("seven", None, "none", False, "window 43: seven, 98.4 %; "),
    (None, None, "none", False, "window 43: none, nearest seven, 98.4 %; "),
    (None, "six", "six", False, "window 43: none, nearest seven, 98.4 %; "),
]
"""The window's label, the one that smoothing keeps, and the words, the bar and the small line that the page has."""


def predict(page: Page, label: str | None, smoothed: str | None) -> None:
    """Let the page hear of a window as its server would tell of it."""
    seat = {"key": 1, "uri": "virtual:0", "doing": "predictions", "facts": {}, "milliseconds": None}
    labels = [{"name": name, "train": 0, "test": 0} for name in ("six", "seven")]
    news = {"label": label, "smoothed": smoothed, "likeliest": "seven", "confidence": 0.984, "window": 43}
    page.driver.execute_async_script(
        "const [seat, news, done] = arguments;"
        "Promise.all([import('/static/boards.js'), import('/static/live.js')])"
        "  .then(([boards, live]) => { boards.showAll([seat]); live.predict(news); done(); });",
        {**seat, "labels": labels}, {**news, "key": 1, "wire": 36, "estimate": 36},
    )  # fmt: skip


def test_a_bar_is_that_of_the_label_above_it(page: Page):
    for label, smoothed, said, drawn, window in SHOWN_ON_THE_PAGE:
        predict(page, label, smoothed)
        assert page.text("#predictions .said") == said
        assert page.text("#predictions .fine").startswith(window)
        assert [bar.is_displayed() for bar in page.all("#predictions meter")] == [drawn]


def test_captured_words_show_how_loud_they_are(tmp_path: Path):
    """A bar while a board hears, that it waits for a word, whether values were cut off, and that it hears nothing."""
    words = save_words(tmp_path / "words", ["six", "seven"])
    save(words / "nine" / "1.wav", np.pad(np.full(16_000, 32767, np.int16), (0, 4800)))
    save(words / "five" / "1.wav", np.zeros(16_000, np.int16))
    with (
        served(tmp_path, "--replay", str(words)) as address,
        opened(address, tmp_path / "profile", 390) as page,
    ):
        connect_boards_that_hear(page, 2)
        said = all_that_is_said(page, "#loudness")
        page.press("2")
        page.until(lambda: page.text("#capture-state") == "six: 100 windows on 2 boards")
        page.until(lambda: page.text("#loudness") == "")
        bars = "".join(said())
        assert all(f"virtual:{n}: -" in bars for n in (0, 1)) and " dB; waits for a word to begin" in bars
        assert "too loud" not in bars
        page.press("5")
        page.until(lambda: page.text("#capture-state") == "nine: 100 windows on 2 boards")
        page.until(lambda: page.text("#loudness").count(" were cut off: speak more softly") == 2)
        assert " dB; too loud" in "".join(said())
        assert page.driver.execute_script("return document.documentElement.scrollWidth") <= 390
        assert page.driver.get_log("browser") == []
        page.press("1")
        page.until_trouble("E_BOARD_DEAF")
        assert "virtual:0: no sound; waits for a word to begin" in "".join(said())
