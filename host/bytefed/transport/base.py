"""The contract of every transport; tests/host/transport/test_transport_conformance.py holds each of them to it."""

from __future__ import annotations

from typing import Literal, Protocol, runtime_checkable

from bytefed.errors import LinkError

RTO_FLOORS = {"serial": 0.02, "ble": 0.12}
"""Seconds, the least margin of a time-out, by framing. Over USB an answer takes 1 to 2 ms, behind the latency timer of
an FTDI 16 ms; over BLE two connection intervals of 7.5 to 50 ms, if no packet is lost."""


class Transport(Protocol):
    """A way to one board, used from one asyncio event loop.

    Attributes:
        framing: "serial": `write` and `read` carry a byte stream; "ble": each call carries one whole frame.
        frame_limit: Largest frame (header and body, bytes) the link carries; known once open.
        rto_floor: Seconds that an answer may take longer than usual on an idle link before it counts as lost.
        sent: Bytes handed to the operating system since the object was made.
        received: Bytes taken from it.
    """

    framing: Literal["serial", "ble"]
    frame_limit: int
    rto_floor: float
    sent: int
    received: int

    @property
    def uri(self) -> str:
        """The board's URI, as the user would type it; it changes when the board is behind another port."""

    async def open(self) -> None:
        """Open the port.

        Raises:
            LinkError: With a code and a remedy; the transport is then closed.
        """

    async def write(self, data: bytes) -> None:
        """Hand over all of `data`; waits while the system takes no more.

        Raises:
            LinkError: E_LINK_LOST when the link died.
        """

    async def read(self) -> bytes:
        """Wait for bytes (or one frame, on BLE); never empty. Cancelling it loses nothing.

        Raises:
            LinkError: E_LINK_LOST when the link died and everything that arrived before has been read.
        """

    async def close(self) -> None:
        """Close the port; harmless when it is closed. Whatever waits in `read` or `write` gets E_LINK_LOST."""


@runtime_checkable
class Keyed(Protocol):
    """An optional knowledge of a transport: the key of the board at its other end, 32 bytes."""

    key: bytes | None


def key_of(transport: Transport) -> bytes | None:
    """Return the key of the board at the other end; None for an open link."""
    return transport.key if isinstance(transport, Keyed) else None


@runtime_checkable
class Named(Protocol):
    """An optional knowledge of a transport: the name by which the board at its other end advertises."""

    board_name: str | None


def name_of(transport: Transport) -> str | None:
    """Return the name by which a board advertises; None where the link has no such names."""
    return transport.board_name if isinstance(transport, Named) else None


@runtime_checkable
class Searching(Protocol):
    """An optional ability of a transport: to find its board behind another port, where USB may put it after a reset.

    Attributes:
        trouble: The error that keeps `open` waiting or ended it; None if there is none.
    """

    trouble: LinkError | None

    @property
    def strange(self) -> bool:
        """Whether another board, which must not be disturbed, may be behind the open port by now."""

    @property
    def wandered(self) -> bool:
        """Whether the open port is not the one where the board was last."""

    def settle(self) -> None:
        """Say that the right board is behind the open port: it is waited for and looked for from now on."""

    def elsewhere(self) -> bool:
        """Say that another board is behind this port: the next `open` looks for the right one behind others.

        Returns:
            Whether there can be others; if not, nothing has changed.
        """


def settle(transport: Transport) -> None:
    """Let a transport that can look for its board know that it is behind the open port."""
    if isinstance(transport, Searching):
        transport.settle()


def look_elsewhere(transport: Transport) -> bool:
    """Let the next `open` look behind other ports; return whether the transport can do that."""
    return isinstance(transport, Searching) and transport.elsewhere()


def is_strange(transport: Transport) -> bool:
    """Whether another board may be behind the open port by now."""
    return isinstance(transport, Searching) and transport.strange


def has_wandered(transport: Transport) -> bool:
    """Whether the open port is not the one where the board was last."""
    return isinstance(transport, Searching) and transport.wandered


def trouble_of(transport: Transport) -> LinkError | None:
    """Return the error that keeps `open` waiting, as far as the transport can tell."""
    return transport.trouble if isinstance(transport, Searching) else None


def link_lost(uri: str, why: object) -> LinkError:
    """Return the error for a link that died."""
    return LinkError("E_LINK_LOST", f"{uri}: the link died ({why})", "Check cable and power of the board.")
