"""Ways to a board: serial and BLE links, each of which counts the bytes at its own port.

Only `serial` imports pyserial, only `ble` imports bleak.
"""

from bytefed.transport.base import Transport

__all__ = ["Transport"]
