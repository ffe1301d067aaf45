"""Real boards by URI: `serial:`, `socket:` and `ble:`. pyserial and bleak are loaded when one of them is asked for."""

from __future__ import annotations

from bytefed.boards.scheme import Found, Scheme, rest_of


async def _find_serial(uri: str) -> Found:
    from bytefed.boards.ports import SHARED, board_ports
    from bytefed.transport.serial import SerialTransport

    port = rest_of(uri)
    names = board_ports() if port == "auto" else [port]
    return Found.real(uri, [SerialTransport(name, ports=SHARED) for name in names])


async def _find_socket(uri: str) -> Found:
    from bytefed.transport.serial import SerialTransport

    rest_of(uri)
    return Found.real(uri, [SerialTransport(uri, uri=uri)])


async def _find_ble(uri: str) -> Found:
    from bytefed.transport.ble import find_boards

    return Found.real(uri, await find_boards(rest_of(uri)))


SERIAL = Scheme(
    "serial",
    {
        "serial:auto": "every board on USB",
        "serial:PORT": "the board at a port, such as /dev/ttyACM0 or COM3; the port alone will do",
    },
    _find_serial,
)
SOCKET = Scheme("socket", {"socket://HOST:PORT": "a serial line that something serves by TCP"}, _find_socket)
BLE = Scheme(
    "ble",
    {
        "ble:auto": "every board in reach of the radio; of runs, those with --data boards take it",
        "ble:NAME": "the board that advertises that name",
        "ble:ADDRESS": "the board of that Bluetooth address",
    },
    _find_ble,
)
