"""Boards on QEMU's Cortex-M4F: the firmware's own machine code, reached like a port.

Each board is one QEMU process with an image that ``make qemu`` builds (firmware/src/qemu): ``board-MODEL.elf``, which
has the task's feature extractor, or else ``board-DxC.elf``, which takes ready-made features.
Its UART is a socket and not a pseudo-terminal, where QEMU can hold back the last byte of a frame.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

from bytefed.checkout import built
from bytefed.errors import ConfigError
from bytefed.seal import KEY_SIZE
from bytefed.transport.serial import SerialTransport

QEMU = "qemu-system-arm"
MACHINE = ("-M", "mps2-an386", "-display", "none")
_RTO_FLOOR = 2.0  # seconds: the socket loses nothing, but all boards share this machine
_HOST = "127.0.0.1"
_log = logging.getLogger(__name__)


def image_directory() -> Path:
    """Return where the images are: $BYTEFED_QEMU_IMAGES, else where `make qemu` leaves them."""
    chosen = os.environ.get("BYTEFED_QEMU_IMAGES")
    return Path(chosen) if chosen else built("qemu")


def find_qemu() -> str:
    """Return the path of QEMU.

    Raises:
        ConfigError: E_QEMU_MISSING.
    """
    found = shutil.which(QEMU)
    if found is None or os.name != "posix":
        raise ConfigError(
            "E_QEMU_MISSING",
            f"Boards of the kind qemu:N need {QEMU}, on Linux or macOS.",
            f"Install it: `sudo apt-get install {QEMU}` (Debian, Ubuntu) or `brew install qemu` (macOS).",
        )
    return found


def find_image(features: int, classes: int, model: str | None = None) -> Path:
    """Return the image of a board: with the model's extractor if that was built, else without.

    Args:
        features: D of its head.
        classes: C of its head.
        model: Name of the extractor, None for ready-made features.

    Raises:
        ConfigError: E_QEMU_IMAGE if it has not been built.
    """
    own = image_directory() / f"board-{model}.elf"
    if model is not None and own.is_file():
        return own
    image = image_directory() / f"board-{features}x{classes}.elf"
    if not image.is_file():
        raise ConfigError(
            "E_QEMU_IMAGE",
            f"There is no image for a head of {features}x{classes}: {image} is missing.",
            f"Build it in a checkout and run there: `make qemu SHAPES={features}x{classes}`; or set "
            "BYTEFED_QEMU_IMAGES to its folder.",
        )
    return image


@asynccontextmanager
async def qemu_boards(
    uids: dict[str, tuple[int, bytes | None]], features: int, classes: int, model: str | None = None
) -> AsyncIterator[list[SerialTransport]]:
    """Start boards, and end them on leaving.

    Args:
        uids: Each board's URI, its identity, 64 bits, and its key, 32 bytes; None for an open board.
        features: D of their heads.
        classes: C of their heads.
        model: Name of their extractor, None for ready-made features.

    Raises:
        ConfigError: E_QEMU_MISSING, E_QEMU_IMAGE.
    """
    qemu, image = find_qemu(), find_image(features, classes, model)
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(_running(qemu, image, uri, uid, key))
            for uri, (uid, key) in uids.items()
        ]


@asynccontextmanager
async def _running(
    qemu: str, image: Path, uri: str, uid: int, key: bytes | None
) -> AsyncIterator[SerialTransport]:
    """Run one board. QEMU inherits a socket that listens already: so its port is known, and nobody else's."""
    with listening() as listener:
        port = listener.getsockname()[1]
        process = await asyncio.create_subprocess_exec(
            *board_command(qemu, image, uid, listener.fileno(), key=key),
            pass_fds=[listener.fileno()],
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is the coordinator's to handle
        )
    relay = asyncio.create_task(_relay(process.stderr, uri))
    try:
        yield SerialTransport(f"socket://{_HOST}:{port}", uri=uri, rto_floor=_RTO_FLOOR, key=key)
    finally:
        with suppress(ProcessLookupError):
            process.kill()  # it keeps nothing, and answers SIGTERM with a message
        await process.wait()
        await relay


def listening() -> socket.socket:
    """Return a socket of this machine at which a board can wait for the host."""
    return socket.create_server((_HOST, 0), backlog=1)


def board_command(
    qemu: str, image: Path, uid: int, listener: int, *, key: bytes | None = None, monitor: str = "none"
) -> list[str]:
    """Return the command line of a board.

    QEMU takes the board's key there and nowhere else, so other users of this computer can see it while the board runs:
    good enough for a key that is drawn for one emulated board and ends with it.

    Args:
        qemu: Path of QEMU.
        image: The firmware image to run.
        uid: Its identity, 64 bits.
        listener: File descriptor of the socket at which it waits for the host.
        key: Its key, 32 bytes, which the source of its randomness goes with; None for an open board.
        monitor: QEMU's monitor device, which takes commands; "none" for no monitor.
    """
    boot = random.SystemRandom().getrandbits(16)
    words = [f"{uid:016x}", f"{boot:04x}"]
    words += [] if key is None else [key.hex(), os.urandom(KEY_SIZE).hex()]
    return [
        qemu,
        *MACHINE,
        "-monitor", monitor,
        "-kernel", str(image),
        "-semihosting-config", ",arg=".join(["enable=on,target=native", *words]),
        "-chardev", f"socket,id=link,fd={listener},server=on,wait=off",
        "-serial", "chardev:link",
    ]  # fmt: skip


async def _relay(stream: asyncio.StreamReader | None, uri: str) -> None:
    """Pass on what a board says before it dies."""
    while stream is not None and (line := await stream.readline()):
        _log.error("%s: %s", uri, line.decode(errors="replace").strip())
