"""Finds the one board at the end of a cable that a URI names: the only way by which a key is given."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from bytefed.boards.real import BLE, SERIAL, SOCKET
from bytefed.boards.registry import full_uri, look_for, scheme_of
from bytefed.boards.virtual import BoardKind, VirtualOptions
from bytefed.device.pairing import refuse_radio
from bytefed.errors import ConfigError, LinkError, counted
from bytefed.transport.base import Transport

_THIS_COMPUTER = ("localhost", "127.0.0.1", "::1")


@asynccontextmanager
async def at_cable(uri: str) -> AsyncIterator[Transport]:
    """Give the transport to a board at a cable, not opened yet; it is closed at the end.

    Args:
        uri: Its URI, or port.

    Raises:
        ConfigError: E_PAIR_CABLE if it is not reached by a cable to this computer; E_CONFIG_BOARDS if there are
            several; as ``look_for``.
        LinkError: E_NO_BOARDS where `auto` finds none.
    """
    uri = full_uri(uri)
    scheme = scheme_of(uri)
    if scheme is BLE:
        refuse_radio("ble", uri)
    if scheme is SOCKET and urlsplit(uri).hostname not in _THIS_COMPUTER:
        raise _no_cable(f"{uri} is on another computer, and a new key would cross the network in the clear.")
    if scheme not in (SERIAL, SOCKET):
        raise _no_cable(f"{uri} names boards that bytefed starts itself: they have their keys from it.")
    try:
        (found,) = await look_for([uri])
    except LinkError as error:
        if error.code == "E_NO_BOARDS":
            from bytefed.boards.ports import board_ports

            board_ports(
                "pair a virtual one: `bytefed board` names its port"
            )  # raises with advice that fits pairing
        raise
    async with found.start(0, VirtualOptions(BoardKind(1, 1))) as transports:
        if len(transports) != 1:
            names = ", ".join(transport.uri for transport in transports)
            raise ConfigError(
                "E_CONFIG_BOARDS",
                f"{uri} names {counted(len(transports), 'board')}: {names}.",
                "Name one of them.",
            )
        try:
            yield transports[0]
        finally:
            await transports[0].close()


def _no_cable(why: str) -> ConfigError:
    return ConfigError(
        "E_PAIR_CABLE",
        why,
        "Plug the board into this computer, and name its port: `bytefed pair serial:auto`.",
    )
