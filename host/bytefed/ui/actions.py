"""The requests of the page that concern boards; each is answered when it is done, and its course is news."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bytefed.data.load import ON_BOARDS
from bytefed.device.watch import Way
from bytefed.errors import ConfigError, check_range
from bytefed.ui.answers import asked, flag, number, text, texts
from bytefed.ui.bench import Bench
from bytefed.ui.board_thread import BoardThread
from bytefed.ui.data_sets import data_shapes

Asked = dict[str, Any]
_SETTINGS = (
    "rounds", "codec", "fraction_train", "statistics_rounds", "local_epochs", "personal", "learning_rate", "seed",
    "overwrite",
)  # fmt: skip
"""The keys of a run that the page sets."""


class Actions:
    """The requests of the page that concern boards.

    Args:
        bench: The boards.
        thread: The thread that works with them.
    """

    def __init__(self, bench: Bench, thread: BoardThread) -> None:
        self.bench = bench
        self._thread = thread

    def routes(self) -> list[Route]:
        """Return their addresses."""
        actions: dict[str, Callable[[Asked], Coroutine[Any, Any, object]]] = {
            "connect": self._connect,
            "disconnect": lambda _asked: self.bench.disconnect(),
            "look": lambda _asked: self.bench.look(),
            "labels": self._labels,
            "capture": self._capture,
            "end-capture": lambda _asked: self.bench.end_captures(),
            "undo": lambda asked: self.bench.each(_keys(asked), lambda seat: seat.undo()),
            "delete": self._delete,
            "erase": lambda asked: self.bench.each(_keys(asked), lambda seat: seat.erase()),
            "live": self._live,
            "train": self._train,
            "stop": lambda _asked: self.bench.stop(),
        }
        return [
            Route(f"/api/{name}", self._endpoint(action), methods=["POST"])
            for name, action in actions.items()
        ]

    def _endpoint(
        self, action: Callable[[Asked], Coroutine[Any, Any, object]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            found = await self._thread.do(action(await asked(request)))
            return JSONResponse(found if isinstance(found, dict) else {})

        return answer

    async def _connect(self, asked: Asked) -> None:
        await self.bench.connect(texts(asked, "uris"), text(asked, "model", "motion"))

    async def _labels(self, asked: Asked) -> None:
        names = texts(asked, "names")
        await self.bench.each([], lambda seat: seat.set_labels(names))

    async def _capture(self, asked: Asked) -> Asked:
        label, seconds, test = text(asked, "label"), number(asked, "seconds"), flag(asked, "test")
        check_range("seconds", seconds, 0.01, 3600)
        taken = await self.bench.each(_keys(asked), lambda seat: seat.capture(label, seconds, test=test))
        return {"windows": sum(taken), "boards": len(taken)}

    async def _train(self, asked: Asked) -> None:
        data = text(asked, "data", ON_BOARDS)
        if data != ON_BOARDS and data not in data_shapes():  # a path is for the command line
            raise ConfigError(
                "E_DATA_UNKNOWN", f"There is no data set '{data[:40]}'.", "Load the page again."
            )
        await self.bench.train({key: asked[key] for key in _SETTINGS if key in asked}, data)

    async def _delete(self, asked: Asked) -> None:
        label = text(asked, "label")
        await self.bench.each(_keys(asked), lambda seat: seat.delete(label))

    async def _live(self, asked: Asked) -> None:
        unknown = number(asked, "unknown", 0)
        check_range("unknown", unknown, 0, 50)
        way = Way(personal=flag(asked, "personal"), unknown=int(unknown))
        await self.bench.live(_keys(asked), text(asked, "doing"), way)


def _keys(asked: Asked) -> list[str]:
    """Return the boards that are meant; empty for all."""
    return texts(asked, "boards") if "boards" in asked else []
