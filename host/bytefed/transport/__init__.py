"""Ways to a board. Only `serial` imports pyserial, only `ble` imports bleak; each counts bytes at its own port."""

from bytefed.transport.base import Transport

__all__ = ["Transport"]
