"""Schemes: the kinds of `--boards` URIs, each with its form, its help, and how its boards are found and started.

A package adds a kind of its own with an entry point of the group `bytefed.transports`, which names a Scheme:

    [project.entry-points."bytefed.transports"]
    telepathy = "my_package:SCHEME"
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bytefed.errors import ConfigError
from bytefed.transport.base import Transport

if TYPE_CHECKING:  # numpy and the core are slow to load, and not needed to print a help text
    from bytefed.boards.virtual import VirtualOptions

Start = Callable[[int, "VirtualOptions"], AbstractAsyncContextManager[Sequence[Transport]]]
"""Starts boards: takes the number of boards before them and how virtual boards are made; stops them at the end."""

MOST_BOARDS = 1024
"""The most boards that one URI may start."""


@dataclass(frozen=True)
class Found:
    """The boards that a URI names: found, but not opened, and not started if they are virtual.

    Attributes:
        uri: The URI, in its full form.
        start: Starts them and gives a transport for each.
        is_started: Whether bytefed starts them itself, and so knows their keys; those of others are looked up in the
            user's file of keys.
    """

    uri: str
    start: Start
    is_started: bool = True

    @classmethod
    def real(cls, uri: str, transports: Sequence[Transport]) -> Found:
        """Return boards that run already, so that there is nothing to start."""

        @asynccontextmanager
        async def start(_first: int, _options: VirtualOptions) -> AsyncIterator[Sequence[Transport]]:
            yield transports

        return cls(uri, start, is_started=False)


def _no_objection(_uris: Sequence[str]) -> None:
    pass


@dataclass(frozen=True, eq=False)
class Scheme:
    """A kind of `--boards` URI.

    Attributes:
        name: The part before the colon, in lower case; each transport's `uri` begins with it, and so does `link` in
            bytes.csv.
        forms: The forms of its URIs and what each names, such as {"serial:PORT": "the board at that port"}.
        find: Called with a URI before anything else is loaded. Looks for real boards; of virtual ones it checks only
            what the URI says. Raises ConfigError (E_CONFIG_BOARDS) and LinkError.
        check: Called with all URIs of a command, so that a scheme can refuse neighbours. Raises ConfigError.
        emulates: Words for what stands in for the hardware, for summaries of runs; "" for real and virtual boards.
    """

    name: str
    forms: Mapping[str, str]
    find: Callable[[str], Awaitable[Found]]
    check: Callable[[Sequence[str]], None] = _no_objection
    emulates: str = ""


def rest_of(uri: str) -> str:
    """Return what stands behind a URI's scheme.

    Raises:
        ConfigError: E_CONFIG_BOARDS if nothing does.
    """
    scheme, _, rest = uri.partition(":")
    if not rest:
        raise ConfigError(
            "E_CONFIG_BOARDS",
            f"--boards {uri}: which?",
            f"Say it behind the colon; `bytefed devices --help` lists the forms of {scheme}: and of others.",
        )
    return rest


def count_of(uri: str) -> int:
    """Return the number of boards that a URI such as virtual:8 asks for, 1..MOST_BOARDS.

    Raises:
        ConfigError: E_CONFIG_BOARDS for no such number.
    """
    text = uri.partition(":")[2]
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= MOST_BOARDS):
        raise ConfigError(
            "E_CONFIG_BOARDS", f"--boards {uri}: how many?", f"Say a number from 1 to {MOST_BOARDS}."
        )
    return int(text)
