"""From URIs to Devices: what `--boards` names, opened, and closed at the end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from bytefed.boards.registry import look_for
from bytefed.boards.scheme import Found
from bytefed.boards.virtual import VirtualOptions
from bytefed.device.device import Device
from bytefed.keys import KeyRing
from bytefed.transport.faults import Faults, with_faults

__all__ = ["Found", "VirtualOptions", "look_for", "open_devices"]


@asynccontextmanager
async def open_devices(
    boards: Sequence[str | Found],
    options: VirtualOptions,
    faults: str = "",
    *,
    open_links: bool | None = None,
) -> AsyncIterator[list[Device]]:
    """Give a Device for each board that the URIs name; not connected yet.

    Virtual boards are started, and stopped again at the end; all ports are closed then.

    Args:
        boards: URIs to open, or the boards that ``look_for`` found.
        options: The options of virtual boards.
        faults: The faults of each link, as `Faults.parse` reads them; "" for none.
        open_links: Whether boards without a key are used all the same, of those that bytefed doesn't start; None for
            as the options say of those that it starts.

    Raises:
        ConfigError: As ``look_for``; E_CONFIG_FAULTS for faults that are none.
        LinkError: As ``look_for``; E_VIRTUAL where virtual boards don't start.
        StoreError: E_KEYS_OPEN, E_KEYS_DAMAGED, E_KEYS_FILE if boards' keys have to be looked up, and can't be.
    """
    bad = Faults.parse(faults)
    looked = iter(await look_for([board for board in boards if isinstance(board, str)]))
    every = [next(looked) if isinstance(board, str) else board for board in boards]
    may_be_open = not options.sealed if open_links is None else open_links
    ring = None if all(found.is_started for found in every) else KeyRing(open_links=may_be_open)
    async with AsyncExitStack() as stack:
        devices: list[Device] = []
        for found in every:
            for transport in await stack.enter_async_context(found.start(len(devices), options)):
                linked = with_faults(transport, bad) if faults else transport
                device = Device(linked, ring=None if found.is_started else ring)
                device.model = options.kind.model if found.is_started else None
                devices.append(device)
        for device in devices:
            stack.push_async_callback(device.close)
        yield devices
