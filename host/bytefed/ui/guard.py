"""The guard of the page: only a user who saw the printed URL gets in, and no other web page can use a browser for it.

Other users of the computer don't know the token. A web page that has its name resolve to 127.0.0.1 (DNS rebinding) is
refused by the Host header; one that sends forms or scripts across (CSRF) by Origin and Sec-Fetch-Site, which pages
can't forge, and by a cookie that browsers keep from other sites.
"""

from __future__ import annotations

import hmac
import secrets
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOST = "127.0.0.1"
_NAMES = (HOST, "localhost")
_SAFE = ("GET", "HEAD")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_HOW_TO = "Open the URL that `bytefed ui` printed when it started: it has the token that opens this page.\n"


class Guard:
    """ASGI middleware that lets in requests of the page itself.

    Args:
        app: The application behind it.
        port: The port that the server listens on.
        home: The address that the printed URL leads to.

    Attributes:
        token: The secret in the printed URL, drawn anew for each server.
    """

    def __init__(self, app: ASGIApp, port: int, home: str = "/") -> None:
        self._app, self._home = app, home
        self._hosts = {f"{name}:{port}" for name in _NAMES}
        self._cookie = f"bytefed-{port}"  # cookies know no ports, so the name has to
        self.token = secrets.token_urlsafe(24)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that is refused or brings the token; hand all others on."""
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        if scope["type"] != "http":
            return None  # there are no WebSockets here
        send = _with_headers(send)
        answer = self._refusal(HTTPConnection(scope), str(scope["method"]))
        return await (self._app if answer is None else answer)(scope, receive, send)

    def _refusal(self, request: HTTPConnection, method: str) -> Response | None:
        """Return the answer to a request that goes no further; None for one that may."""
        headers = request.headers
        if headers.get("host") not in self._hosts:
            return PlainTextResponse("This page is known as 127.0.0.1 alone.\n", 403)
        given = parse_qs(request.url.query).get("token")
        if method == "GET" and request.url.path == "/" and given:
            return self._let_in(given[0])
        if not self._is_known(request.cookies.get(self._cookie, "")):
            return PlainTextResponse(_HOW_TO, 401)
        if not _is_of_the_page(headers, method):
            return PlainTextResponse("Another page asked for this.\n", 403)
        return None

    def _let_in(self, token: str) -> Response:
        """Put the token into a cookie, and out of sight."""
        if not self._is_known(token):
            return PlainTextResponse(_HOW_TO, 401)
        answer = RedirectResponse(self._home, 303)
        answer.set_cookie(self._cookie, token, httponly=True, samesite="strict")
        return answer

    def _is_known(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(), self.token.encode())


def _is_of_the_page(headers: Headers, method: str) -> bool:
    """Return whether the browser says that the page itself, or its user, made the request."""
    if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        return False
    if method in _SAFE:
        return True
    has_json = headers.get("content-type", "").partition(";")[0].strip() == "application/json"
    return has_json and headers.get("origin") == f"http://{headers['host']}"


def _with_headers(send: Send) -> Send:
    """Add the headers that each answer has; a policy of its own wins over the page's."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(_ALWAYS)
            headers.setdefault("Content-Security-Policy", _POLICY)
        await send(message)

    return sending
