"""Ctrl-C while the page is at work: it ends at once, and says nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
from httpx2 import Client
from said_words import save


def test_ctrl_c_ends_a_capture_that_waits_for_a_word(tmp_path: Path) -> None:
    for word in ("five", "six"):
        save(tmp_path / "quiet" / word / "1.wav", np.eye(1, 16_000, dtype=np.int16)[0])  # nothing begins
    command = [sys.executable, "-m", "bytefed", "ui", "--port", "0", "--replay", "quiet"]
    server = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    try:
        url, answers = server.stdout.readline().strip(), []
        page = url.partition("/?")[0]
        with Client(base_url=page, headers={"Origin": page}, timeout=30) as browser:
            browser.get(url)
            browser.post("/api/connect", json={"uris": ["loopback:1"], "model": "keywords"})
            capture = {"label": "five", "seconds": 9}
            asked = threading.Thread(
                target=lambda: answers.append(browser.post("/api/capture", json=capture).json())
            )
            asked.start()
            with browser.stream("GET", "/api/news") as news:
                next(line for line in news.iter_lines() if '"doing": "capture"' in line)
            server.send_signal(signal.SIGINT)
            _, said = server.communicate(timeout=30)
            asked.join(30)
    finally:
        server.kill()
        server.wait()
    assert (server.returncode, said) == (0, "")
    assert answers == [{"windows": 0, "boards": 1}]
