"""The guard of the page: who gets in, and which requests go further."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from bytefed.ui.guard import Guard

ORIGIN = "http://127.0.0.1:8271"
JSON = {"origin": ORIGIN, "content-type": "application/json"}


@pytest.mark.parametrize(
    "path", ["/", "/static/app.js", "/api/runs", "/api/news", "/?token=", "/?token=guess"]
)
def test_nothing_is_shown_without_the_token(stranger: TestClient, path: str):
    answer = stranger.get(path)
    assert answer.status_code == 401
    assert "bytefed ui" in answer.text


def test_the_token_goes_into_a_cookie_and_out_of_sight(guard: Guard, stranger: TestClient):
    answer = stranger.get(f"/?token={guard.token}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert stranger.get("/").status_code == 200


def test_the_token_opens_no_other_address(guard: Guard, stranger: TestClient):
    assert stranger.get(f"/api/runs?token={guard.token}").status_code == 401


def test_each_server_has_a_token_of_its_own(guard: Guard):
    assert Guard(guard, 1).token != guard.token
    assert len(guard.token) >= 32


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8271", "127.0.0.1", "127.0.0.1:80", "localhost:82710"]
)
def test_a_name_that_was_made_to_point_here_is_refused(browser: TestClient, host: str):
    assert browser.get("/", headers={"host": host}).status_code == 403


def test_localhost_is_this_computer_too(guard: Guard):
    with TestClient(guard, base_url="http://localhost:8271") as client:
        assert client.get(f"/?token={guard.token}").status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_page_can_ask_for_nothing(browser: TestClient, site: str):
    assert browser.get("/api/runs", headers={"sec-fetch-site": site}).status_code == 403
    assert browser.get("/api/runs", headers={"sec-fetch-site": "same-origin"}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "application/json"},
        {"content-type": "application/json", "origin": "null"},
        {"content-type": "application/json", "origin": "http://evil.example"},
        {"content-type": "application/json", "origin": "http://127.0.0.1:8272"},
        {"content-type": "application/json", "origin": "http://localhost:8271"},
        {"content-type": "text/plain", "origin": ORIGIN},
        {"content-type": "application/x-www-form-urlencoded", "origin": ORIGIN},
    ],
)
def test_another_page_can_change_nothing(browser: TestClient, headers: dict[str, str]):
    assert browser.post("/api/runs", headers=headers, content="{}").status_code == 403


def test_the_page_itself_gets_through(browser: TestClient):
    assert (
        browser.post("/api/runs", headers=JSON, content="{}").status_code == 405
    )  # there is nothing to post


def test_every_answer_forbids_what_the_page_does_not_need(browser: TestClient):
    for path in ("/", "/api/runs", "/static/nothing"):
        headers = browser.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
