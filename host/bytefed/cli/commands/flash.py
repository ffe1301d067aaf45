"""`bytefed flash`: builds a board's firmware, and uploads it to the board or tries it in emulation."""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from rich.console import Console

from bytefed.boards.catalog import BOARDS, refuse_deaf
from bytefed.boards.firmware import model_for_build, prepared_project
from bytefed.cli.telling import add_json, write_json
from bytefed.device.device import Device
from bytefed.errors import BytefedError, ConfigError, LinkError
from bytefed.extractor.manifest import Manifest, model_folder

_PATIENCE = 20.0  # seconds until the port is back after an upload
_EPILOG = """\
examples:
  bytefed flash nano33ble                    the digits model
  bytefed flash nano33ble --model motion     the one that takes samples from the sensor
  bytefed flash nano33ble --model keywords   the one that hears words, on a Sense
  bytefed flash nano33ble --model gait       one of your own: `bytefed model --help`
  bytefed flash --emulated nano33ble         touches no board: builds the image, boots it on an emulated chip, checks
                                             its features, a round and a reset, and says what it used
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "flash",
        description="Build a board's firmware with PlatformIO (pip install platformio), and upload it.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    environments = [board.environment for board in BOARDS]
    parser.add_argument("board", choices=environments, metavar="BOARD", help=", ".join(environments))
    parser.add_argument("--model", help="the board's extractor (default digits)")
    parser.add_argument("--port", help="where several boards are plugged in")
    group = parser.add_argument_group("before a board is touched")
    group.add_argument(
        "--emulated",
        action="store_true",
        help="try the image on an emulated nRF52840 (needs `make emulator`)",
    )
    group.add_argument(
        "--image", type=Path, metavar="FILE", help="try this ELF or hex instead of building one"
    )
    group.add_argument(
        "--bootloader",
        type=Path,
        metavar="HEX",
        help="the board's bootloader with its SoftDevice (default: $BYTEFED_BOOTLOADER, or PlatformIO's)",
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Build, upload, and ask the board for its model; or build, boot in emulation, and check."""
    if args.emulated:
        return _try(args)
    if args.image or args.bootloader:
        raise ConfigError(
            "E_CONFIG_OPTION", "--image and --bootloader are for --emulated alone.", "Add --emulated."
        )
    from bytefed.boards.self_check import check_model
    from bytefed.keys import KeyRing
    from bytefed.transport.serial import SerialTransport

    model = args.model or "digits"
    manifest = Manifest.load(model_folder(model))
    if "sound" in manifest.document:
        refuse_deaf(args.board, model)
    name_what_is_left(args.port, manifest.model_hash)
    build(args.board, model, "-t", "upload", *(("--upload-port", args.port) if args.port else ()))
    port = wait_for_port(args.port)
    device = Device(SerialTransport(port), ring=KeyRing(open_links=True))  # a new board has no key yet
    name = asyncio.run(check_model(device, manifest.model_hash))
    if args.json:
        write_json({"port": port, "board": name, "model": model})
    else:
        Console(emoji=False).print(f"{port}: board {name} holds model {model}")
    return 0


def name_what_is_left(port: str | None, model_hash: int) -> None:
    """Say which samples a board holds that the new image will not read, as far as the board can be asked.

    Args:
        port: Its port; None for the only one.
        model_hash: CRC-32 of the .tflite file in the image that is to come.
    """
    from bytefed.boards.ports import board_ports
    from bytefed.boards.self_check import left_behind
    from bytefed.keys import KeyRing
    from bytefed.transport.serial import SerialTransport

    # A board without bytefed, with other firmware or in its bootloader says nothing, and is uploaded to all the same.
    with suppress(BytefedError):
        ports = [port] if port else board_ports()
        if len(ports) == 1:
            device = Device(SerialTransport(ports[0]), ring=KeyRing(open_links=True))
            if said := asyncio.run(left_behind(device, model_hash)):
                Console(emoji=False, stderr=True).print(f"warning: {said}")


def _try(args: argparse.Namespace) -> int:
    """Try an image in emulation: a named one, else a fresh build, or without PlatformIO the build that is there."""
    from bytefed.cli.emulated import try_image

    if args.image is None and shutil.which("pio"):
        build(args.board, args.model or "digits")
    image = str(args.image.absolute()) if args.image else args.board
    return try_image(image, args.bootloader, args.model, as_json=args.json)


def build(board: str, model: str, *options: str) -> None:
    """Run PlatformIO.

    Args:
        board: Environment of platformio.ini.
        model: Name of the extractor, or its folder.
        options: Further options, such as those of an upload.

    Raises:
        ConfigError: E_CONFIG_PIO without PlatformIO, or without the sources.
        ModelError: E_MODEL_MISSING if there is no such model.
        LinkError: E_FLASH when it fails; it has said why.
    """
    pio = shutil.which("pio")
    if pio is None:
        raise ConfigError("E_CONFIG_PIO", "PlatformIO is not installed.", "Run: pip install platformio")
    named = model_for_build(model)
    command = [pio, "run", "-d", str(prepared_project()), "-e", board, *options]
    # Its progress is not the answer: that goes to standard output.
    done = subprocess.run(command, stdout=sys.stderr.fileno(), env={**os.environ, "BYTEFED_MODEL": named})
    if done.returncode != 0:
        raise LinkError(
            "E_FLASH", "PlatformIO could not build or upload the firmware.",
            "Press the board's reset button twice, quickly: it waits in its bootloader then. Try again.",
        )  # fmt: skip


def wait_for_port(
    port: str | None, find: Callable[[], list[str]] | None = None, patience: float = _PATIENCE
) -> str:
    """Return the port of the board, once it is back.

    Raises:
        LinkError: E_NO_BOARDS if it does not come back; E_FLASH if there are several.
    """
    from bytefed.boards.ports import board_ports

    give_up = time.monotonic() + patience
    while True:
        try:
            ports = (find or board_ports)()
        except LinkError:
            ports = []
        if port in ports:
            return str(port)
        if len(ports) == 1:  # the name may change when a board comes back
            return ports[0]
        if time.monotonic() > give_up:
            break
        time.sleep(0.2)
    if ports:
        raise LinkError(
            "E_FLASH", f"Several boards are plugged in: {', '.join(ports)}.", "Name one with --port."
        )
    raise LinkError(
        "E_NO_BOARDS",
        "The board did not come back after the upload.",
        "Press its reset button once, then: bytefed devices",
    )
