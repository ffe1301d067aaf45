"""The page in headless Chromium, and its server, as a user has them: for tests, and for the guide's pictures."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
PATIENCE = 60  # seconds
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


class Page:
    """The page in a browser.

    Args:
        driver: The browser.
    """

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def all(self, selector: str) -> list[Any]:
        return list(self.driver.find_elements("css selector", selector))

    def texts(self, selector: str) -> list[str]:
        script = "return [...document.querySelectorAll(arguments[0])].map((one) => one.textContent)"
        return list(self.driver.execute_script(script, selector))

    def text(self, selector: str) -> str:
        return " ".join(self.texts(selector))

    def until(self, true: Callable[[], bool]) -> None:
        def looked(_driver: Any) -> bool:
            trouble = self.texts("#trouble:not([hidden])")
            assert not trouble, trouble
            return true()

        WebDriverWait(self.driver, PATIENCE, 0.05).until(looked)

    def until_trouble(self, code: str) -> None:
        WebDriverWait(self.driver, PATIENCE, 0.05).until(
            lambda _driver: code in self.text("#trouble:not([hidden])")
        )

    def click(self, selector: str) -> None:
        self.until(
            lambda: bool(self.driver.execute_script(f"return !document.querySelector('{selector}').disabled"))
        )
        self.driver.execute_script(f"document.querySelector('{selector}').click()")

    def type(self, selector: str, text: str, *end: str) -> None:
        field = self.all(selector)[0]
        field.clear()
        field.send_keys(text, *end)

    def press(self, key: str, *, shift: bool = False) -> None:
        self.driver.execute_script("document.activeElement.blur()")
        chain = ActionChains(self.driver)
        chain = (
            chain.key_down(Keys.SHIFT).send_keys(key).key_up(Keys.SHIFT) if shift else chain.send_keys(key)
        )
        chain.perform()

    def size(self, width: int, *, dark: bool) -> None:
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})


@contextmanager
def served(folder: Path, *options: str) -> Iterator[str]:
    """Serve the page as `bytefed ui` does, for runs in a folder; boards' sensors are replayed eight times as fast.

    Args:
        folder: The folder.
        options: More options of the command.

    Yields:
        The URL that it prints.
    """
    server = subprocess.Popen(
        [sys.executable, "-m", "bytefed", "ui", "--port", "0", *options],
        cwd=folder,
        env={**os.environ, "BYTEFED_REPLAY_SPEED": "8"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    with server.stdout:
        try:
            yield server.stdout.readline().strip()
        finally:
            server.send_signal(signal.SIGINT)
            ended = server.wait(30)
        assert ended == 0


@contextmanager
def opened(address: str, profile: Path, width: int = 1400) -> Iterator[Page]:
    """Open the page in a browser.

    Args:
        address: The page's URL.
        profile: Folder for what the browser keeps.
        width: Width of the window, pixels.
    """
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for flag in (*_FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        page = Page(driver)
        page.size(width, dark=False)
        driver.get(address)
        page.until(lambda: bool(page.texts("#estimate dd.big")))
        yield page
    finally:
        driver.quit()
