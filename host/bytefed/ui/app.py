"""The addresses of the page: its files, its news, the estimate, runs and their reports."""

from __future__ import annotations

import mimetypes
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from bytefed.errors import BytefedError
from bytefed.extractor.manifest import model_names
from bytefed.ledger.wire_size import CODECS
from bytefed.report import document
from bytefed.report.live import Board
from bytefed.ui.actions import Actions
from bytefed.ui.answers import refused
from bytefed.ui.data_sets import data_shapes
from bytefed.ui.estimates import estimate, settings_of
from bytefed.ui.news import News
from bytefed.ui.run_list import RunList

_ASSETS = (
    "app.css",
    "app.js",
    "boards.js",
    "capture.js",
    "live.js",
    "loudness.js",
    "plot.js",
    "training.js",
    "estimate.js",
    "format.js",
    "runs.js",
    "server.js",
    "icon.svg",
)
BESIDE = "/beside/"
"""The address of the report of a run that the command line has begun, and this server beside it."""
_OWN_POLICY = {"Content-Security-Policy": "frame-ancestors 'none'"}
"""A report brings a stricter policy in its own head, which lets in the style that stands in it."""


class Pages:
    """The answers of the server.

    Args:
        folder: The folder of the runs.
        actions: The page's requests to boards.
        news: News for pages that are open.
        beside: The report of a run of the command line, if the server is there for one.
    """

    def __init__(self, folder: Path, actions: Actions, news: News, beside: Board | None = None) -> None:
        self._beside = beside
        self._runs = RunList(folder)
        self._actions = actions
        self._news = news

    def routes(self) -> list[Route]:
        """Return the addresses."""
        return [
            Route("/", self.index),
            Route("/static/{name}", self.asset),
            Route("/api/news", self.news),
            Route("/api/choices", self.choices),
            Route("/api/estimate", self.estimate),
            Route("/api/runs", self.list_runs),
            Route("/runs/{name}/report", self.report),
            Route("/runs/{name}/export/{form}", self.export),
            Route("/runs/{name}/live/", self.live),
            Route("/runs/{name}/live/fragment", self.fragment),
            *(() if self._beside is None else _reports(BESIDE, self._beside)),
            *self._actions.routes(),
        ]

    async def index(self, _request: Request) -> Response:
        """The page."""
        return HTMLResponse(_static("index.html"))

    async def asset(self, request: Request) -> Response:
        """A file of the page, or the style that it shares with reports."""
        name = request.path_params["name"]
        if name == "page.css":
            return Response(
                files(document.__package__).joinpath(name).read_text("utf-8"), media_type="text/css"
            )
        if name not in _ASSETS:
            return PlainTextResponse("There is no such file.\n", 404)
        return Response(_static(name), media_type=mimetypes.guess_type(name)[0])

    async def news(self, _request: Request) -> Response:
        """Tell what happens, from now on."""
        return StreamingResponse(self._news.stream(), media_type="text/event-stream")

    async def choices(self, _request: Request) -> Response:
        """The values that settings can have which are no numbers."""
        found = await run_in_threadpool(data_shapes)
        return JSONResponse({"codecs": list(CODECS), "models": model_names(), "data": found})

    async def estimate(self, request: Request) -> Response:
        """The bytes that settings take."""
        given = dict(request.query_params)
        met = self._actions.bench.met() if given.pop("of", "") == "boards" else (None, [])
        found: dict[str, Any] = await run_in_threadpool(estimate, settings_of(given), *met)
        return JSONResponse(found)

    async def list_runs(self, _request: Request) -> Response:
        """The runs, the newest first."""
        return JSONResponse(
            {"folder": str(self._runs.folder), "runs": await run_in_threadpool(self._runs.lines)}
        )

    async def report(self, request: Request) -> Response:
        """The report of a run."""
        text = await run_in_threadpool(self._runs.report, request.path_params["name"])
        return HTMLResponse(text, headers=_OWN_POLICY)

    async def export(self, request: Request) -> Response:
        """The head of a run, to be kept as a file."""
        wanted = request.path_params
        name, content = await run_in_threadpool(self._runs.exported, wanted["name"], wanted["form"])
        headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"}
        return Response(content, media_type="application/octet-stream", headers=headers)

    async def live(self, request: Request) -> Response:
        """The report of a run, which asks for news by itself."""
        return await _whole(self._runs.live(request.path_params["name"]))

    async def fragment(self, request: Request) -> Response:
        """Return the content of <main> of a live report, if it is another than the browser has."""
        return await _news(self._runs.live(request.path_params["name"]), request)


def _reports(address: str, board: Board) -> list[Route]:
    """Return the addresses of a report that asks for news by itself."""

    async def live(_request: Request) -> Response:
        return await _whole(board)

    async def fragment(request: Request) -> Response:
        return await _news(board, request)

    return [Route(address, live), Route(f"{address}fragment", fragment)]


async def _whole(board: Board) -> Response:
    _, body = await run_in_threadpool(board.body)
    return HTMLResponse(document.frame("live", body, live=True), headers=_OWN_POLICY)


async def _news(board: Board, request: Request) -> Response:
    version, body = await run_in_threadpool(board.body)
    if request.query_params.get("version") == version:
        return Response(status_code=204)
    return HTMLResponse(body, headers={**_OWN_POLICY, "ETag": version})


def make_app(pages: Pages) -> Starlette:
    """Return the application behind the guard."""
    return Starlette(routes=pages.routes(), exception_handlers={BytefedError: refused})


def _static(name: str) -> str:
    return files(__package__).joinpath("static", name).read_text("utf-8")
