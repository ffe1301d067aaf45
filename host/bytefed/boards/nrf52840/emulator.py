"""The emulator's process: started with an image, told what to do by lines of JSON, ended at the end.

firmware/emulator/README.md has the command line and the control channel. The board's USB is a socket that this process
opens and the emulator inherits: so its port is known, and nobody else's.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import socket
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bytefed.boards.nrf52840.builds import Build
from bytefed.boards.nrf52840.watermarks import Watermarks
from bytefed.checkout import built
from bytefed.errors import ConfigError, LinkError
from bytefed.transport.serial import SerialTransport

PROGRAM = "bytefed-nrf52840"
_log = logging.getLogger(__name__)
_HOST = "127.0.0.1"
_RTO_FLOOR = 2.0  # seconds: the socket loses nothing, but an emulated chip may be slower than a real one
_LINE_LIMIT = 1 << 20  # bytes of one line from the emulator
_ANSWER_PATIENCE = 30.0  # seconds
_WORDS = 100  # lines of the emulator's text that are kept for the error at its end
_CALLERS = 3  # named in an error
_LOOK = 0.02  # seconds between two questions whether USB is ready
_BOOT_PATIENCE = 60.0  # seconds until the USB of an image must be ready: a real board takes less than two


def find_emulator() -> Path:
    """Return the emulator's program: $BYTEFED_EMULATOR, else what `make emulator` builds.

    Raises:
        ConfigError: E_EMULATOR_MISSING; E_EMULATOR_UNICORN if not even what it is built with is there.
    """
    chosen = os.environ.get("BYTEFED_EMULATOR")
    path = Path(chosen).expanduser() if chosen else built("emulator") / PROGRAM
    if os.name == "posix" and path.is_file() and os.access(path, os.X_OK):
        return path
    if chosen:
        raise ConfigError(
            "E_EMULATOR_MISSING",
            f"BYTEFED_EMULATOR names {path}, and that is no program.",
            "Unset it, and build the emulator in a checkout: `make emulator`.",
        )
    if find_spec("unicorn") is None:
        raise without_unicorn()
    raise ConfigError(
        "E_EMULATOR_MISSING",
        f"The emulator of the nRF52840 has not been built: there is no {path}.",
        "Build it in a checkout, on Linux or macOS: `make emulator`.",
    )


def without_unicorn() -> ConfigError:
    """Return the error for a machine without the library that executes the instructions."""
    return ConfigError(
        "E_EMULATOR_UNICORN",
        "The emulator of the nRF52840 needs the package unicorn, which is not installed.",
        "Run: pip install intelhex pyelftools 'unicorn<3', then `make emulator` in a checkout.",
    )


@dataclass(frozen=True)
class Chip:
    """The chip of an emulated board, and what is attached to it.

    Attributes:
        uid: Identity of its chip, 64 bits.
        sensor: The sensor on its bus, with a recording of what it feels or without, such as "bmi270:walk.csv",
            "bmi270" or "microphone:words.wav"; "" for none.
        state: File that keeps its flash; None for a board that is new each time.
    """

    uid: int
    sensor: str = ""
    state: Path | None = None


def command(program: Path, build: Build, chip: Chip, port: int) -> list[str]:
    """Return the command line of one emulated board.

    Args:
        program: The emulator.
        build: The image that the board boots.
        chip: The chip that it runs on.
        port: File descriptor of a listening socket: the board's USB serial port.
    """
    seed = random.SystemRandom().getrandbits(32)  # of its random numbers, among them the board's boot id
    words = [
        str(program),
        "--image",
        str(build.image.symbols),
        "--uid",
        f"{chip.uid:016x}",
        "--seed",
        str(seed),
    ]
    words += ["--bootloader", str(build.bootloader)] if build.bootloader else []
    words += ["--sensor", chip.sensor] if chip.sensor else []
    words += ["--state", str(chip.state)] if chip.state else []
    return [*words, "--usb", f"fd:{port}"]


class Emulator:
    """A running emulator with one board.

    Args:
        uri: Name of the board in errors.
        process: The emulator's process.
        port: Number of the TCP port of this machine behind which the board's USB serial port is.

    Attributes:
        uri: Name of the board in errors.
        port: Number of that TCP port.
        ended: Why the board is gone; None while it is there.
    """

    def __init__(self, uri: str, process: asyncio.subprocess.Process, port: int) -> None:
        self.uri, self.port = uri, port
        self.ended: LinkError | ConfigError | None = None
        self._process = process
        self._questions: deque[asyncio.Future[Mapping[str, Any]]] = deque()
        self._fault: Mapping[str, Any] = {}
        self._said: deque[str] = deque(maxlen=_WORDS)
        self._end = asyncio.create_task(self._notice_the_end())

    # ---- From the emulator

    async def _listen(self, stream: asyncio.StreamReader | None) -> None:
        """Read the emulator's lines: events, answers in the order of the questions, and text for people."""
        while stream is not None and (line := await stream.readline()):
            message = _json(line)
            if message is None:
                self._said.append(line.decode(errors="replace").rstrip())
            elif message.get("event") == "fault":
                self._fault = message
            elif "event" not in message and self._questions:
                question = self._questions.popleft()
                if not question.done():
                    question.set_result(message)

    async def _notice_the_end(self) -> None:
        await asyncio.gather(self._listen(self._process.stdout), self._listen(self._process.stderr))
        status = await self._process.wait()
        self.ended = self._why(status)
        for question in self._questions:
            if not question.done():
                question.set_exception(self.ended)

    def _why(self, status: int) -> LinkError | ConfigError:
        if self._fault:
            _log.error("%s: %s", self.uri, "\n".join(self._said))
            return fault_error(self.uri, self._fault)
        said = " ".join(" ".join(self._said).split()) or f"exit status {status}"
        if "libunicorn" in said:
            return without_unicorn()
        return LinkError("E_EMULATOR", f"{self.uri}: the emulator has ended: {said}", "See its message.")

    # ---- To the emulator

    async def ask(self, **request: object) -> Mapping[str, Any]:
        """Give one order of the control channel and return the answer.

        Raises:
            LinkError: E_EMULATOR if it refuses or does not answer, E_EMULATED_FAULT if its image has failed.
        """
        stdin = self._process.stdin
        if self.ended is not None or stdin is None:
            raise self.ended or LinkError(
                "E_EMULATOR", f"{self.uri}: the emulator takes no orders.", "Start it anew."
            )
        question: asyncio.Future[Mapping[str, Any]] = asyncio.get_running_loop().create_future()
        self._questions.append(question)
        stdin.write(json.dumps(request).encode() + b"\n")
        try:
            answer = await asyncio.wait_for(question, _ANSWER_PATIENCE)
        except TimeoutError:
            answer = {"what": f"no answer to {request} within {_ANSWER_PATIENCE:g} s"}
        if answer.get("ok") is not True:
            raise LinkError(
                "E_EMULATOR",
                f"{self.uri}: the emulator says: {answer.get('what', answer)}",
                "Build it anew: `make emulator`.",
            )
        return answer

    async def watermarks(self) -> Watermarks:
        """Return what the board has used of its chip. Raises as `ask`."""
        answer = await self.ask(do="statistics")
        try:
            return Watermarks.read(answer)
        except (KeyError, TypeError, ValueError) as error:
            raise LinkError(
                "E_EMULATOR",
                f"{self.uri}: the emulator's statistics lack {error}.",
                "Build it anew: `make emulator`.",
            ) from error

    async def press_reset(self) -> None:
        """Reset the chip by its pin, as a finger on the button does. Raises as `ask`."""
        await self.ask(do="reset", kind="pin")

    async def enumerated(self) -> None:
        """Wait until the board's USB is ready, for at most $BYTEFED_BOOT_PATIENCE seconds.

        Raises:
            LinkError: E_EMULATED_USB if it is not in time; as `ask` if it ends before.
        """
        patience = _boot_patience()
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while not (await self.watermarks()).usb:
                    await asyncio.sleep(_LOOK)
                return
        raise LinkError(
            "E_EMULATED_USB",
            f"{self.uri}: the image runs, but no USB serial port has appeared within {patience:g} s.",
            "Check that it is bytefed's firmware (`pio run -e nano33ble`); on a slow machine set "
            "BYTEFED_BOOT_PATIENCE to more seconds.",
        )

    async def end(self) -> LinkError | ConfigError:
        """Wait until the board is gone by itself; return why."""
        while self.ended is None:
            await asyncio.wait([self._end])
        return self.ended

    async def stop(self) -> None:
        """End the process, by the end of its orders: so it also ends where this process is killed."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(asyncio.shield(self._end), 5.0)
        except TimeoutError:
            self._process.kill()
            await self._end


def _json(line: bytes) -> Mapping[str, Any] | None:
    """Return the JSON object of a line, None if it is none."""
    try:
        message = json.loads(line)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None


def fault_error(uri: str, fault: Mapping[str, Any]) -> LinkError:
    """Return the error of an image that went wrong.

    Args:
        uri: The board.
        fault: The emulator's report: "what" happened "at" which place after how many "seconds" of the board's time,
            and "callers", the places that it would have returned to, innermost first.
    """
    message = f"{uri}: the image went wrong at {fault.get('at', 'an unknown place')}"
    callers = [str(caller) for caller in fault.get("callers") or ()][:_CALLERS]
    message += f", called from {', from '.join(callers)}" if callers else ""
    message += f", {fault['seconds']} s after it was switched on" if "seconds" in fault else ""
    return LinkError(
        "E_EMULATED_FAULT",
        f"{message}: {fault.get('what', 'a fault')}.",
        "A real board would hang there until its watchdog resets it. The emulator's words above have the registers and "
        "all callers.",
    )


class EmulatedTransport(SerialTransport):
    """The USB serial port of an emulated board.

    Args:
        emulator: Its emulator.
    """

    def __init__(self, emulator: Emulator) -> None:
        super().__init__(f"socket://{_HOST}:{emulator.port}", uri=emulator.uri, rto_floor=_RTO_FLOOR)
        self.emulator = emulator

    async def open(self) -> None:
        """Open the port. Raises LinkError, as `SerialTransport.open`; why the emulator has ended, if it has."""
        if self.emulator.ended is not None:
            raise self.emulator.ended
        await super().open()

    async def watermarks(self) -> Watermarks:
        """Return what the board has used of its chip. Raises as `Emulator.ask`."""
        return await self.emulator.watermarks()


async def _start(program: Path, build: Build, chip: Chip) -> tuple[asyncio.subprocess.Process, int]:
    """Start a board's process and return it, and the TCP port of its USB."""
    with socket.create_server((_HOST, 0), backlog=1) as listener:
        try:
            process = await asyncio.create_subprocess_exec(
                *command(program, build, chip, listener.fileno()),
                pass_fds=[listener.fileno()],
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                limit=_LINE_LIMIT,
                start_new_session=True,  # Ctrl-C is the coordinator's to handle
            )
        except OSError as error:
            raise ConfigError(
                "E_EMULATOR_MISSING",
                f"The emulator {program} can't be started: {error.strerror}.",
                "Build it in a checkout, on this machine: `make emulator`.",
            ) from error
        return process, listener.getsockname()[1]


@asynccontextmanager
async def emulated_board(build: Build, uri: str, chip: Chip) -> AsyncIterator[Emulator]:
    """Switch a board on, and off on leaving. Its USB is ready later: see `Emulator.enumerated`.

    Args:
        build: The image that the board boots.
        uri: Name of the board in errors.
        chip: The chip that it runs on.

    Raises:
        ConfigError: E_EMULATOR_MISSING, E_EMULATOR_UNICORN.
    """
    process, port = await _start(find_emulator(), build, chip)
    emulator = Emulator(uri, process, port)
    try:
        yield emulator
    finally:
        await emulator.stop()


def _boot_patience() -> float:
    text = os.environ.get("BYTEFED_BOOT_PATIENCE", "")
    try:
        return float(text) if text else _BOOT_PATIENCE
    except ValueError as error:
        raise ConfigError(
            "E_CONFIG_RANGE", f"BYTEFED_BOOT_PATIENCE={text} is no number.", "Say seconds, such as 300."
        ) from error
