"""The page's server for tests, behind its guard."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from bytefed.ui.actions import Actions
from bytefed.ui.app import Pages, make_app
from bytefed.ui.bench import Bench
from bytefed.ui.board_thread import BoardThread
from bytefed.ui.guard import Guard
from bytefed.ui.news import News

PORT = 8271
ADDRESS = f"http://127.0.0.1:{PORT}"


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "runs")


@pytest.fixture
def guard(bench: Bench, tmp_path: Path) -> Iterator[Guard]:
    thread, news = BoardThread(), News(bench.state)
    bench.tell = news.tell
    yield Guard(make_app(Pages(tmp_path / "runs", Actions(bench, thread), news)), PORT)
    asyncio.run(thread.do(bench.close()))
    thread.close()


@pytest.fixture
def stranger(guard: Guard) -> Iterator[TestClient]:
    """A browser without the token."""
    with TestClient(guard, base_url=ADDRESS, follow_redirects=False) as client:
        yield client


@pytest.fixture
def browser(guard: Guard, stranger: TestClient) -> TestClient:
    """A browser that opened the printed URL."""
    assert stranger.get(f"/?token={guard.token}").status_code == 303
    return stranger
