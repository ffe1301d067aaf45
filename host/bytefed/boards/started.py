"""Boards that bytefed starts itself, by URI: `virtual:`, `virtual-ble:`, `loopback:` and `qemu:`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from bytefed.boards.scheme import Found, Scheme, Start, count_of
from bytefed.errors import ConfigError, LinkError
from bytefed.transport.base import Transport

if TYPE_CHECKING:  # loaded when boards are started: all of them take their time
    import asyncio

    from bytefed._core import VirtualBoard
    from bytefed.boards.virtual import VirtualOptions

_START_PATIENCE = 60.0  # seconds until `bytefed board` must have named the next port


def boards(count: int, first: int, options: VirtualOptions) -> list[tuple[VirtualBoard, bytes | None]]:
    """Return virtual boards in this process, just switched on, each with its key, None for an open one.

    Args:
        count: Number of boards, 1..1024.
        first: Number of the first: it gives them their uids.
        options: The options of virtual boards.
    """
    from bytefed.boards.virtual import board_uid, load_extractor, load_recording, make_board

    extractor = load_extractor(options.kind)
    recording = load_recording(options.kind, extractor)
    uids = [board_uid(options.uid_seed, first + index) for index in range(count)]
    keys = options.draw_keys(count)
    return [
        (make_board(options.kind, uid, extractor, recording, key), key)
        for uid, key in zip(uids, keys, strict=True)
    ]


# ---- loopback:N


async def _find_loopback(uri: str) -> Found:
    return Found(uri, _loopback(count_of(uri)))


def _loopback(count: int) -> Start:
    @asynccontextmanager
    async def start(first: int, options: VirtualOptions) -> AsyncIterator[Sequence[Transport]]:
        from bytefed.boards.loopback import LoopbackTransport

        made = enumerate(boards(count, first, options), first)
        yield [LoopbackTransport(board, name=f"{number}", key=key) for number, (board, key) in made]

    return start


# ---- virtual:N


async def _find_virtual(uri: str) -> Found:
    """Boards behind pseudo-terminals; where a system has none, boards in this process."""
    count = count_of(uri)
    if os.name != "posix":
        return Found(uri, _loopback(count))
    return Found(uri, lambda first, options: _on_terminals(count, first, options))


@asynccontextmanager
async def _on_terminals(
    count: int, first: int, options: VirtualOptions
) -> AsyncIterator[Sequence[Transport]]:
    """Start `bytefed board` and hand out its ports."""
    import asyncio

    from bytefed.transport.serial import SerialTransport

    process = await asyncio.create_subprocess_exec(
        *board_command(count, first, options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        stdin=asyncio.subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is the coordinator's to handle
    )
    keys = options.draw_keys(count)
    try:
        _hand_over(process.stdin, keys)
        ports = [await _read_port(process) for _ in range(count)]
        yield [
            SerialTransport(port, uri=f"virtual:{number}", patience=2.0, key=key)
            for number, (port, key) in enumerate(zip(ports, keys, strict=True), first)
        ]
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


def _hand_over(pipe: asyncio.StreamWriter | None, keys: Sequence[bytes | None]) -> None:
    """Write the boards' keys, which no command line and no file ever shows, to their process."""
    if pipe is None:
        return
    pipe.writelines(key.hex().encode() + b"\n" for key in keys if key is not None)
    pipe.close()


def board_command(count: int, first: int, options: VirtualOptions) -> list[str]:
    """Return the command line that starts virtual boards behind pseudo-terminals.

    Args:
        count: Number of boards, 1..1024.
        first: Number of the first.
        options: The options of virtual boards.
    """
    kind = options.kind
    command = [sys.executable, "-m", "bytefed", "board", "--json", "--count", str(count)]
    command += ["--shape", f"{kind.features}x{kind.classes}", "--capacity", str(kind.capacity)]
    command += ["--uid-seed", str(options.uid_seed), "--uid-first", str(first), "--parent", str(os.getpid())]
    if kind.model is not None:
        command += ["--model", kind.model]
    if kind.replay is not None:
        command += ["--replay", kind.replay]
    if kind.labels:
        command += ["--labels", str(kind.labels)]
    if options.sealed:
        command.append("--keys")
    if options.line_rate is not None:
        command += ["--line-rate", str(options.line_rate)]
    return command


async def _read_port(process: asyncio.subprocess.Process) -> str:
    import asyncio

    if process.stdout is None or process.stderr is None:
        raise LinkError(
            "E_VIRTUAL", "The virtual boards have no output.", "Use `bytefed run --boards loopback:N`."
        )
    try:
        line = await asyncio.wait_for(process.stdout.readline(), _START_PATIENCE)
    except TimeoutError:
        line = b""
    if not line:
        why = (await process.stderr.read()).decode(errors="replace").strip()
        raise LinkError(
            "E_VIRTUAL", f"The virtual boards did not start: {why or 'no answer'}", "See the message."
        )
    answer = json.loads(line)
    if "code" in answer:
        raise LinkError(answer["code"], answer["message"], answer["remedy"])
    return str(answer["port"])


# ---- virtual-ble:N


async def _find_virtual_ble(uri: str) -> Found:
    count = count_of(uri)
    return Found(uri, lambda first, options: _on_air(count, first, options))


@asynccontextmanager
async def _on_air(count: int, first: int, options: VirtualOptions) -> AsyncIterator[Sequence[Transport]]:
    from bytefed.boards.bluetooth.virtual_ble import virtual_ble_boards
    from bytefed.ledger.wire_size import BLUEFRUIT_WINDOW

    made = boards(count, first, replace(options, kind=replace(options.kind, window=BLUEFRUIT_WINDOW)))
    async with virtual_ble_boards(made, first) as transports:
        yield transports


def _check_adapter(uris: Sequence[str]) -> None:
    """Refuse what can't share the process's one Bluetooth adapter, whose place virtual-ble takes."""
    virtual = [uri for uri in uris if uri.startswith("virtual-ble:")]
    if virtual and sys.platform != "linux":
        raise ConfigError("E_CONFIG_BOARDS", f"--boards {virtual[0]} works on Linux only.", "Use virtual:N.")
    if len(virtual) > 1 or (virtual and any(uri.startswith("ble:") for uri in uris)):
        raise ConfigError(
            "E_CONFIG_BOARDS",
            f"--boards {virtual[0]} takes the place of the Bluetooth adapter.",
            "Name virtual-ble once, and no ble: beside it; serial and virtual boards may be there.",
        )


# ---- qemu:N


async def _find_qemu(uri: str) -> Found:
    count = count_of(uri)
    return Found(uri, lambda first, options: _emulated(count, first, options))


def _emulated(
    count: int, first: int, options: VirtualOptions
) -> AbstractAsyncContextManager[Sequence[Transport]]:
    from bytefed.boards.qemu import qemu_boards
    from bytefed.boards.virtual import board_uid

    keys = options.draw_keys(count)
    uids = {
        f"qemu:{number}": (board_uid(options.uid_seed, number), key) for number, key in enumerate(keys, first)
    }
    return qemu_boards(uids, options.kind.features, options.kind.classes, options.kind.model)


VIRTUAL = Scheme("virtual", {"virtual:N": "N virtual boards, each behind a pseudo-terminal"}, _find_virtual)
VIRTUAL_BLE = Scheme(
    "virtual-ble",
    {"virtual-ble:N": "N virtual boards behind a virtual Bluetooth adapter (Linux)"},
    _find_virtual_ble,
    _check_adapter,
)
LOOPBACK = Scheme("loopback", {"loopback:N": "N virtual boards in bytefed's own process"}, _find_loopback)
QEMU = Scheme(
    "qemu",
    {"qemu:N": "N boards of emulated Cortex-M4F (needs QEMU, `make qemu`)"},
    _find_qemu,
    emulates="the firmware's core on an emulated Cortex-M4F",
)
