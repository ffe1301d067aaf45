"""From URIs to Devices: what `--boards` names, opened, and closed at the end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from bytefed.boards.registry import look_for
from bytefed.boards.scheme import Found
from bytefed.boards.virtual import VirtualOptions
from bytefed.device.device import Device
from bytefed.transport.base import Transport
from bytefed.transport.faults import Faults, with_faults

__all__ = ["Found", "VirtualOptions", "look_for", "open_devices"]


@asynccontextmanager
async def open_devices(
    boards: Sequence[str | Found], options: VirtualOptions, faults: str = ""
) -> AsyncIterator[list[Device]]:
    """Give a Device for each board that the URIs name; not connected yet.

    Virtual boards are started, and stopped again at the end; all ports are closed then.

    Args:
        boards: URIs to open, or the boards that ``look_for`` found.
        options: The options of virtual boards.
        faults: The faults of each link, as `Faults.parse` reads them; "" for none.

    Raises:
        ConfigError: As ``look_for``; E_CONFIG_FAULTS for faults that are none.
        LinkError: As ``look_for``; E_VIRTUAL where virtual boards don't start.
    """
    bad = Faults.parse(faults)
    looked = iter(await look_for([board for board in boards if isinstance(board, str)]))
    async with AsyncExitStack() as stack:
        transports: list[Transport] = []
        for board in boards:
            found = next(looked) if isinstance(board, str) else board
            transports += await stack.enter_async_context(found.start(len(transports), options))
        if faults:
            transports = [with_faults(transport, bad) for transport in transports]
        devices = [Device(transport) for transport in transports]
        for device in devices:
            stack.push_async_callback(device.close)
        yield devices
