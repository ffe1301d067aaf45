"""The road of a new user by the page, step by step: connect, name, capture, train, a label that comes later, watch.

The browser's test walks it, and so does the program that makes the guide's pictures.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from selenium.webdriver.common.keys import Keys
from ui_page import Page

Look = Callable[[str, str], object]
"""Called at the end of each step with its name and the part of the page, a selector, that shows it."""
LABELS = ("walk", "run", "rest")
READY = ["ready"] * 3


def walk(page: Page, look: Look) -> None:
    """Walk the whole road with three virtual boards over Bluetooth."""
    connect(page)
    look("boards", "#boards")
    name_and_capture(page)
    show_signal(page)
    look("capture", "#capture")
    page.click("#signal")
    page.until(lambda: page.texts("#board-cards .state") == READY)
    set_slider(page, "rounds", 8)
    train(page)
    look("training", "#training")
    look("trained", "#run-state")
    add_a_label(page)
    page.click("#settings-form [name=personal]")
    train(page)
    assert "personal heads" in page.text("#run-state")
    look("later", "#capture")
    watch(page)
    look("live", "#live")
    page.click("#watch")
    page.until(lambda: page.texts("#board-cards .state") == READY)
    learn_from_a_data_set(page)
    look("runs", "#runs")


def connect(page: Page) -> None:
    """Connect the boards."""
    page.type("[name=uris]", "virtual-ble:3", Keys.ENTER)
    page.until(lambda: page.texts("#board-cards .state") == READY)
    assert (
        page.text("#board-cards").count(" dBm when it was found") == 3
    )  # as their stand-in for a radio says


def connect_boards_that_hear(page: Page, count: int) -> None:
    """Connect virtual boards with the model of words, and set captures to 48 s: long enough to be seen."""
    page.driver.execute_script("document.querySelector('#connect-form [name=model]').value = 'keywords'")
    page.type("[name=uris]", f"virtual:{count}", Keys.ENTER)
    page.until(lambda: page.texts("#board-cards .state") == ["ready"] * count)
    page.type("[name=seconds]", "48")


def all_that_is_said(page: Page, selector: str) -> Callable[[], list[str]]:
    """Keep all that a part of the page says from now on, also what is gone at once; return what gives it."""
    page.driver.execute_script(
        "const part = document.querySelector(arguments[0]); window.said = [];"
        "new MutationObserver(() => window.said.push(part.textContent)).observe("
        "  part, { childList: true, subtree: true, characterData: true });",
        selector,
    )
    return lambda: list(page.driver.execute_script("return window.said"))


def name_and_capture(page: Page) -> None:
    """Name three labels, capture each for training and test, and take the last window back."""
    page.type("[name=names]", " ".join(LABELS), Keys.ENTER)
    page.until(lambda: len(page.all("#label-buttons button")) == 3 and "walk" in page.text("#label-buttons"))
    page.type("[name=seconds]", "10")
    for number, label in enumerate(LABELS, 1):
        capture(page, number, label)
    page.press("u")
    page.until(lambda: "12 + 9 for test" in page.text("#label-buttons"))


def capture(page: Page, number: int, label: str) -> None:
    """Capture a label by its key, and for the test by the same with Shift."""
    for shift, words in ((False, ""), (True, ", for test")):
        page.press(str(number), shift=shift)
        page.until(partial(is_captured, page, f"{label}: 12 windows on 3 boards{words}"))
        page.until(lambda: is_off(page, "#end-capture"))


def is_captured(page: Page, words: str) -> bool:
    """Return whether the page says so of a capture."""
    return page.text("#capture-state") == words


def stop_a_capture(page: Page) -> None:
    """Begin a capture of ten minutes and end it by Esc: what the boards have taken by then, they keep."""
    before = held(page, 2)
    page.type("[name=seconds]", "600")
    page.driver.execute_script(  # at once: replayed recordings fill boards faster than any user
        "const state = document.getElementById('capture-state');"
        "const escape = () => document.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape' }));"
        "new MutationObserver((_, watch) => {"
        "  if (/ of 720 windows/.test(state.textContent)) { watch.disconnect(); escape(); }"
        "}).observe(state, { childList: true });"
    )
    page.press("2")
    page.until(lambda: page.text("#capture-state").endswith(" windows on 3 boards, stopped"))
    taken = int(page.text("#capture-state").split()[1])  # all, where the boards were quicker: test_bench.py
    page.until(lambda: is_off(page, "#end-capture") and held(page, 2) == before + taken)


def held(page: Page, number: int) -> int:
    """Return the windows that the boards hold of a label to train on."""
    return int(page.text(f"#label-buttons button:nth-child({number}) small").split()[0])


def is_off(page: Page, selector: str) -> bool:
    """Return whether a button can't be pressed."""
    return bool(page.driver.execute_script(f"return document.querySelector('{selector}').disabled"))


def show_signal(page: Page) -> None:
    """Draw a board's signal, six axes."""
    page.click("#signal")
    page.until(lambda: len(page.all("#signal-plot polyline")) == 6)
    assert " B for the signal" in page.text("#signal-bytes")  # exact where the link keeps up: test_bench.py


def set_slider(page: Page, name: str, value: int) -> None:
    """Move a slider of the settings."""
    page.driver.execute_script(
        f"const slider = document.querySelector('[name={name}]'); slider.value = {value};"
        "slider.dispatchEvent(new Event('input', { bubbles: true }))"
    )
    page.until(lambda: str(value) in page.texts("#settings-form output"))


def train(page: Page) -> None:
    """Train, and see that the run takes what the page had predicted, to the byte."""
    _wait_for_the_estimate(page)
    (predicted, *_), runs = page.texts("#estimate dd.big"), len(page.texts("#run-table tbody tr"))
    page.click("#train")
    page.until(lambda: len(page.texts("#run-table tbody tr")) == runs + 1)
    assert page.text("#run-state").startswith("done")
    assert f"{predicted} in rounds, as estimated" in page.text("#run-state")
    page.until(lambda: page.texts("#board-cards .state") == READY)


def add_a_label(page: Page) -> None:
    """Name a fourth label after the first run, and capture it."""
    page.type("[name=names]", " ".join([*LABELS, "sit"]), Keys.ENTER)
    page.until(lambda: len(page.all("#label-buttons button")) == 4)
    page.type("[name=seconds]", "10")
    capture(page, 4, "sit")


def watch(page: Page) -> None:
    """Watch what the boards take their windows for, by their personal heads."""
    page.click("#live-form [name=personal]")
    page.click("#watch")
    page.until(lambda: len(page.all("[data-said]")) == 3)
    page.until(lambda: all(len(page.all(f"[data-said]:nth-child({n}) .strip i")) > 3 for n in (1, 2, 3)))
    assert all("as estimated" in text for text in page.texts("[data-said] .fine"))
    said = {text.split(" ")[0] for text in page.texts("[data-said] .said")}
    assert said <= {*LABELS, "sit", "none"}


def export(page: Page, folder: Path) -> dict[str, Path]:
    """Download the head of the first run in all formats, by its buttons; return the files by their ends."""
    behaviour = {"behavior": "allow", "downloadPath": str(folder), "eventsEnabled": False}
    page.driver.execute_cdp_cmd("Browser.setDownloadBehavior", behaviour)
    ends = ("head.npz", "classifier.tflite", "classify.zip")
    for number, end in enumerate(ends, 1):
        page.click(f"#run-table tr:last-child button:nth-of-type({number})")
        page.until(partial(is_there, folder, end))
    return {end: next(folder.glob(f"*{end}")) for end in ends}


def is_there(folder: Path, end: str) -> bool:
    """Return whether a folder has one file with this end."""
    return len(list(folder.glob(f"*{end}"))) == 1


def learn_from_a_data_set(page: Page) -> None:
    """Train on a data set by its name: only once the page has been told that the boards' own samples may go."""
    page.driver.execute_script(
        "const data = document.querySelector('[name=data]'); data.value = 'motion';"
        "data.dispatchEvent(new Event('input', { bubbles: true }))"
    )
    page.click("#settings-form [name=personal]")
    page.until(
        lambda: page.driver.execute_script("return !document.getElementById('overwrite-label').hidden")
    )
    page.click("#settings-form [name=overwrite]")
    train(page)
    page.until(lambda: "walk 16+4" not in page.text("#board-cards"))
    assert page.texts("#run-table tr:first-child td:nth-child(2)") == ["motion"]


def _wait_for_the_estimate(page: Page) -> None:
    page.driver.execute_async_script(
        "const done = arguments[0];"
        "import('/static/estimate.js').then((part) => part.refresh()).then(() => setTimeout(done, 300))"
    )
