"""The serial ports of a machine as the transports of a run share them: which there are, and who has which."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol
from weakref import WeakKeyDictionary


class SeenPort(Protocol):
    """A port as a search for ports describes it."""

    @property
    def name(self) -> str:
        """The system's name for it."""

    @property
    def is_board(self) -> bool:
        """Whether a board's firmware runs behind it."""

    @property
    def is_bootloader(self) -> bool:
        """Whether a board's bootloader runs behind it, which must not be talked to."""


class SharedPorts:
    """The ports of a machine, each held by one transport at most, so that two that search don't open the same.

    A name may be a link, such as those under /dev/serial/by-id: what counts is the port that it leads to.

    Args:
        scan: Lists the ports that there are now; may take some milliseconds.
    """

    def __init__(self, scan: Callable[[], Sequence[SeenPort]]) -> None:
        self._scan = scan
        self._holders: dict[str, object] = {}
        self._homes: WeakKeyDictionary[object, str] = WeakKeyDictionary()

    async def seen(self) -> Mapping[str, SeenPort]:
        """Return the ports that there are now, by the name that each goes by in the end."""
        ports = await asyncio.get_running_loop().run_in_executor(None, self._scan)
        return {real_name(port.name): port for port in ports}

    def take(self, name: str, who: object) -> bool:
        """Give a port to a transport, unless another holds it; return whether it has it now."""
        return self._holders.setdefault(real_name(name), who) is who

    def let_go(self, who: object) -> None:
        """Take back all that a transport holds."""
        self._holders = {name: holder for name, holder in self._holders.items() if holder is not who}

    def settle(self, name: str, who: object) -> None:
        """Remember the port where a transport's board was last."""
        self._homes[who] = real_name(name)

    def is_home_of_another(self, name: str, who: object) -> bool:
        """Whether the board of another transport was last behind a port."""
        return any(home == real_name(name) for other, home in self._homes.items() if other is not who)


def real_name(name: str) -> str:
    """Return the name that a port goes by in the end, whatever links lead to it."""
    return os.path.normcase(os.path.realpath(name))
