"""Boards behind ports whose names come and go, searched by the real serial transport on a virtual clock."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from board_port import BoardPort

from bytefed.boards.catalog import BOARDS
from bytefed.boards.ports import Port
from bytefed.transport.ports import SeenPort, SharedPorts
from bytefed.transport.serial import SerialTransport


class Sockets(SharedPorts):
    """Which board is behind which name now."""

    def __init__(self, ports: list[BoardPort]) -> None:
        super().__init__(list)
        self._behind = {f"/tty{number}": port for number, port in enumerate(ports)}
        self._new = len(ports)
        self._unmet = len(ports)

    @property
    def all_known(self) -> bool:
        """Whether each board was met where it was at first."""
        return not self._unmet

    def met(self) -> None:
        """Note that one more board was met for the first time."""
        self._unmet -= 1

    async def seen(self) -> Mapping[str, SeenPort]:
        return {name: Port(name, BOARDS[0].application, True) for name in self._behind}

    def behind(self, name: str) -> BoardPort:
        """Return what is behind a name.

        Raises:
            FileNotFoundError: Nothing is.
        """
        if name not in self._behind:
            raise FileNotFoundError(2, "No such file or directory")
        return self._behind[name]

    def take_away(self, port: BoardPort, seconds: float, *, renamed: bool = False) -> None:
        """Reset a board; its port is gone for some seconds, and comes back as it was or under a new name."""
        name = next((name for name, other in self._behind.items() if other is port), None)
        if name is None:
            return
        del self._behind[name]
        port.vanish()
        if renamed:
            name, self._new = f"/tty{self._new}", self._new + 1
        asyncio.get_running_loop().call_later(seconds, self._bring_back, name, port)

    def _bring_back(self, name: str, port: BoardPort) -> None:
        self._behind[name] = port

    def swap(self) -> None:
        """Reset all boards; each gets the name of the next."""
        names, ports = list(self._behind), list(self._behind.values())
        for port in ports:
            port.vanish()
        self._behind = dict(zip(names, [*ports[1:], *ports[:1]], strict=True))


class SocketTransport(SerialTransport):
    """The serial transport, its descriptors replaced by boards."""

    def __init__(self, sockets: Sockets, number: int) -> None:
        self._sockets = sockets
        self._plug: BoardPort | None = None
        self._before = [0, 0]
        super().__init__(f"/tty{number}", ports=sockets)

    async def _opened(self, name: str) -> Any:
        self._sum_up()
        plug = self._sockets.behind(name)
        await plug.open()
        plug.on_vanishing = self.let_go
        self._plug = plug
        self._before = [self._before[0] - plug.sent, self._before[1] - plug.received]
        return _Plugged(plug)

    def settle(self) -> None:
        if not self._known:
            self._sockets.met()
        super().settle()

    def _sum_up(self) -> None:
        self._before = [self.sent, self.received]
        self._plug = None

    async def close(self) -> None:
        self._sum_up()
        await super().close()

    @property
    def sent(self) -> int:
        return self._before[0] + (self._plug.sent if self._plug else 0)

    @sent.setter
    def sent(self, _count: int) -> None:
        pass

    @property
    def received(self) -> int:
        return self._before[1] + (self._plug.received if self._plug else 0)

    @received.setter
    def received(self, _count: int) -> None:
        pass


class _Plugged:
    """A board's port while it is open, as the serial transport has its descriptors."""

    def __init__(self, plug: BoardPort) -> None:
        self.inbox = plug.inbox
        self._plug = plug

    async def write(self, data: bytes) -> None:
        if self.inbox.failure:
            raise self.inbox.failure
        await self._plug.write(data)

    def close(self) -> None:
        self._plug.end()
