"""Boards by URI: what `--boards` takes, and the virtual boards that it starts."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace

from serial.tools import list_ports

from bytefed.boards.catalog import USB_IDS
from bytefed.boards.loopback import LoopbackTransport
from bytefed.boards.qemu import qemu_boards
from bytefed.boards.virtual import BoardKind, board_uid, load_extractor, load_recording, make_board
from bytefed.device.device import Device
from bytefed.errors import ConfigError, LinkError
from bytefed.ledger.wire_size import BLUEFRUIT_WINDOW
from bytefed.transport.base import Transport
from bytefed.transport.faults import Faults, with_faults
from bytefed.transport.serial import SerialTransport

SCHEMES = (
    "virtual:N", "virtual-ble:N", "loopback:N", "qemu:N", "serial:auto", "serial:PORT", "socket://HOST:PORT",
    "ble:auto", "ble:NAME", "ble:ADDRESS",
)  # fmt: skip
_VIRTUAL_RTO_FLOOR = 2.0  # a pseudo-terminal loses nothing, but shares its processor with all boards
_START_PATIENCE = 60.0


@dataclass(frozen=True)
class VirtualOptions:
    """How `virtual:N`, `virtual-ble:N` and `loopback:N` make their boards.

    Attributes:
        kind: What they are made of.
        line_rate: Bits a second, None for no limit.
        uid_seed: Of their uids.
    """

    kind: BoardKind
    line_rate: int | None = None
    uid_seed: int = 0


@dataclass(frozen=True)
class Found:
    """The boards that a URI names.

    Attributes:
        uri: The URI.
        transports: Ways to real boards; None for virtual ones, which are made when it is known what for.
        count: Number of virtual boards.
    """

    uri: str
    transports: Sequence[Transport] | None
    count: int = 0


async def look_for(uris: Sequence[str]) -> list[Found]:
    """Look for real boards, and check the URIs of virtual ones: all that can be said before there is a task.

    Raises:
        ConfigError: E_CONFIG_BOARDS for a URI that is none.
        LinkError: E_NO_BOARDS where `auto` finds none.
    """
    _check_adapter(uris)
    return [await _look_for(uri) for uri in uris]


async def _look_for(uri: str) -> Found:
    scheme, _, rest = uri.partition(":")
    if scheme in ("virtual", "loopback", "qemu", "virtual-ble"):
        return Found(uri, None, _count(uri, rest))
    if scheme == "serial" and rest == "auto":
        return Found(uri, [SerialTransport(port) for port in find_ports()])
    if scheme == "serial" and rest:
        return Found(uri, [SerialTransport(rest)])
    if scheme == "socket":
        return Found(uri, [SerialTransport(uri, uri=uri)])
    if scheme == "ble" and rest:
        from bytefed.transport.ble import find_boards  # bleak is slow to load

        return Found(uri, await find_boards(rest))
    raise ConfigError(
        "E_CONFIG_BOARDS", f"--boards {uri}: no such kind of board.", f"There are {', '.join(SCHEMES)}."
    )


@asynccontextmanager
async def open_devices(
    boards: Sequence[str | Found], options: VirtualOptions, faults: str = ""
) -> AsyncIterator[list[Device]]:
    """Give a Device for each board that the URIs name; not connected yet.

    Virtual boards are started, and stopped again at the end; all ports are closed then.

    Args:
        boards: What to open: URIs, or what ``look_for`` found.
        options: How virtual boards are made.
        faults: What goes wrong on each link, as `Faults.parse` reads it; "" for nothing.

    Raises:
        ConfigError: E_CONFIG_BOARDS for a URI that is none, E_CONFIG_FAULTS for faults that are none.
        LinkError: E_NO_BOARDS where `auto` finds none, E_VIRTUAL where virtual boards don't start.
    """
    bad = Faults.parse(faults)
    _check_adapter([board for board in boards if isinstance(board, str)])
    async with AsyncExitStack() as stack:
        transports: list[Transport] = []
        for board in boards:
            found = await _look_for(board) if isinstance(board, str) else board
            transports += (
                await _start(stack, found, len(transports), options)
                if found.transports is None
                else found.transports
            )
        if faults:
            transports = [with_faults(transport, bad) for transport in transports]
        devices = [Device(transport) for transport in transports]
        for device in devices:
            stack.push_async_callback(device.close)
        yield devices


async def _start(
    stack: AsyncExitStack, found: Found, before: int, options: VirtualOptions
) -> Sequence[Transport]:
    """Make virtual boards; `before` counts those that were opened before them."""
    scheme, _, _ = found.uri.partition(":")
    if scheme == "virtual" and os.name == "posix":
        return await stack.enter_async_context(_virtual_boards(found.count, before, options))
    if scheme == "qemu":
        return await stack.enter_async_context(_qemu_boards(found.count, before, options))
    if scheme == "virtual-ble":
        return await stack.enter_async_context(_virtual_ble_boards(found.count, before, options))
    return _loopback_boards(found.count, before, options)


def _check_adapter(uris: Sequence[str]) -> None:
    """A process has one Bluetooth adapter, and virtual-ble takes its place."""
    virtual = [uri for uri in uris if uri.startswith("virtual-ble:")]
    if virtual and sys.platform != "linux":
        raise ConfigError("E_CONFIG_BOARDS", f"--boards {virtual[0]} works on Linux only.", "Use virtual:N.")
    if len(virtual) > 1 or (virtual and any(uri.startswith("ble:") for uri in uris)):
        raise ConfigError(
            "E_CONFIG_BOARDS",
            f"--boards {virtual[0]} takes the place of the Bluetooth adapter.",
            "Name virtual-ble once, and no ble: beside it; serial and virtual boards may be there.",
        )


def _count(uri: str, text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 1024:
        raise ConfigError("E_CONFIG_BOARDS", f"--boards {uri}: how many?", "Say a number from 1 to 1024.")
    return int(text)


def find_ports() -> list[str]:
    """Return the serial ports of plugged-in boards, by USB vendor and product.

    Raises:
        LinkError: E_NO_BOARDS if there are none.
    """
    ports = sorted(port.device for port in list_ports.comports() if (port.vid, port.pid) in USB_IDS)
    if not ports:
        raise LinkError(
            "E_NO_BOARDS",
            "serial:auto finds no board on USB.",
            f"Plug one in ({', '.join(USB_IDS.values())}), name its port, or try `--boards virtual:8`.",
        )
    return ports


def _loopback_boards(count: int, before: int, options: VirtualOptions) -> list[LoopbackTransport]:
    extractor = load_extractor(options.kind)
    recording = load_recording(options.kind, extractor)
    uids = [board_uid(options.uid_seed, before + index) for index in range(count)]
    return [
        LoopbackTransport(make_board(options.kind, uid, extractor, recording), name=f"{before + index}")
        for index, uid in enumerate(uids)
    ]


@asynccontextmanager
async def _virtual_ble_boards(
    count: int, before: int, options: VirtualOptions
) -> AsyncIterator[Sequence[Transport]]:
    from bytefed.boards.bluetooth.virtual_ble import virtual_ble_boards  # bleak is slow to load

    kind = replace(options.kind, window=BLUEFRUIT_WINDOW)
    extractor = load_extractor(kind)
    recording = load_recording(kind, extractor)
    uids = [board_uid(options.uid_seed, before + index) for index in range(count)]
    boards = [make_board(kind, uid, extractor, recording) for uid in uids]
    async with virtual_ble_boards(boards, before) as transports:
        yield transports


def _qemu_boards(
    count: int, before: int, options: VirtualOptions
) -> AbstractAsyncContextManager[list[SerialTransport]]:
    uids = {f"qemu:{index}": board_uid(options.uid_seed, index) for index in range(before, before + count)}
    return qemu_boards(uids, options.kind.features, options.kind.classes, options.kind.model)


@asynccontextmanager
async def _virtual_boards(
    count: int, before: int, options: VirtualOptions
) -> AsyncIterator[list[SerialTransport]]:
    """Start `bytefed board` and hand out its ports."""
    process = await asyncio.create_subprocess_exec(
        *board_command(count, before, options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        stdin=asyncio.subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is the coordinator's to handle
    )
    try:
        ports = [await _read_port(process) for _ in range(count)]
        yield [
            SerialTransport(port, uri=f"virtual:{before + index}", rto_floor=_VIRTUAL_RTO_FLOOR)
            for index, port in enumerate(ports)
        ]
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


def board_command(count: int, before: int, options: VirtualOptions) -> list[str]:
    """Return the command line that starts those boards."""
    kind = options.kind
    command = [sys.executable, "-m", "bytefed", "board", "--json", "--count", str(count)]
    command += ["--shape", f"{kind.features}x{kind.classes}", "--capacity", str(kind.capacity)]
    command += ["--uid-seed", str(options.uid_seed), "--uid-first", str(before)]
    if kind.model is not None:
        command += ["--model", kind.model]
    if kind.replay is not None:
        command += ["--replay", kind.replay]
    if options.line_rate is not None:
        command += ["--line-rate", str(options.line_rate)]
    return command


async def _read_port(process: asyncio.subprocess.Process) -> str:
    if process.stdout is None or process.stderr is None:
        raise LinkError("E_VIRTUAL", "The virtual boards have no output.", "")
    try:
        line = await asyncio.wait_for(process.stdout.readline(), _START_PATIENCE)
    except TimeoutError:
        line = b""
    if not line:
        why = (await process.stderr.read()).decode(errors="replace").strip()
        raise LinkError(
            "E_VIRTUAL", f"The virtual boards did not start: {why or 'no answer'}", "See the message."
        )
    return str(json.loads(line)["port"])
