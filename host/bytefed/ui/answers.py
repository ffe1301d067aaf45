"""Answers of the page's server: JSON in and out, errors with their code and remedy, bounded requests."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bytefed.errors import BytefedError, ConfigError

_LARGEST = 64 * 1024  # bytes


def refused(_request: Request, error: Exception) -> Response:
    """Return the answer to a request that ended with an error that bytefed raises on purpose."""
    if not isinstance(error, BytefedError):
        raise error
    return JSONResponse(told(error), 400)


def told(error: BytefedError) -> dict[str, str]:
    """Return an error as the page gets it."""
    return {"code": error.code, "message": error.message, "remedy": error.remedy}


async def asked(request: Request) -> dict[str, Any]:
    """Return the JSON object that a request has in its body.

    Raises:
        ConfigError: E_CONFIG_TYPE for one that is longer than 64 kB, no JSON, or no object.
    """
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > _LARGEST:
            raise _no_request("it is too long")
    try:
        found = json.loads(content or b"{}")
    except (ValueError, RecursionError):
        raise _no_request("it is no JSON") from None
    if not isinstance(found, dict):
        raise _no_request("it is no object")
    return found


def text(asked: dict[str, Any], name: str, default: str | None = None) -> str:
    """Return a text of a request; raises ConfigError E_CONFIG_TYPE where there is none."""
    found = asked.get(name, default)
    if not isinstance(found, str):
        raise _no_request(f"'{name}' must be a text")
    return found


def texts(asked: dict[str, Any], name: str) -> list[str]:
    """Return a list of texts of a request; raises ConfigError E_CONFIG_TYPE where there is none."""
    found = asked.get(name)
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise _no_request(f"'{name}' must be a list of texts")
    return list(found)


def number(asked: dict[str, Any], name: str, default: float | None = None) -> float:
    """Return a number of a request; raises ConfigError E_CONFIG_TYPE where there is none."""
    found = asked.get(name, default)
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise _no_request(f"'{name}' must be a number")
    return found


def flag(asked: dict[str, Any], name: str) -> bool:
    """Return a truth of a request, false where it says nothing; raises ConfigError E_CONFIG_TYPE for anything else."""
    found = asked.get(name, False)
    if not isinstance(found, bool):
        raise _no_request(f"'{name}' must be true or false")
    return found


def _no_request(problem: str) -> ConfigError:
    return ConfigError(
        "E_CONFIG_TYPE", f"The page's request can't be used: {problem}.", "Load the page again."
    )
