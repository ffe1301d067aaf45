from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from bytefed.report.live import Server


@pytest.fixture
def served_live() -> Iterator[Server]:
    """The server of `bytefed run --live`, at any port, with no run yet."""
    server = Server(0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()
