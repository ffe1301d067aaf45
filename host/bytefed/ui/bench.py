"""The boards at the page, and the run that they learn in: one session for each board, owned by this process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from bytefed.boards.open import VirtualOptions, open_devices
from bytefed.boards.virtual import replaying_kind
from bytefed.data.load import ON_BOARDS
from bytefed.device.watch import Way
from bytefed.errors import BytefedError, ConfigError, from_system
from bytefed.events import Event, RunEnded, RunStarted, logged
from bytefed.extractor.manifest import Manifest, model_folder
from bytefed.federation.config import RunConfig
from bytefed.federation.experiment import begin
from bytefed.ledger.wire_size import LinkProfile
from bytefed.runs.directory import default_directory
from bytefed.runs.numbers import new_run
from bytefed.ui.answers import told
from bytefed.ui.seat import Seat, in_training
from bytefed.ui.telling import Tell

_T = TypeVar("_T")
_MOST = 64
"""The most boards that the page connects."""


class Bench:
    """The boards at the page. All its coroutines run in the boards' thread.

    Args:
        folder: The folder of the runs.
        sounds: The recordings that virtual boards with a model of sound hear; None for the model's own.
    """

    def __init__(self, folder: Path, sounds: str | None = None) -> None:
        self._folder, self._sounds = folder, sounds
        self._seats: dict[str, Seat] = {}
        self._stack = AsyncExitStack()
        self._groups = 0
        self._run: asyncio.Task[None] | None = None
        self._told: list[dict[str, Any]] = []  # of the run, for pages that open meanwhile
        self.tell: Tell = lambda *_args, **_facts: None

    def state(self) -> dict[str, Any]:
        """Return the state of things, as JSON has it."""
        return {"boards": self._documents(), "run": list(self._told), "running": self._run is not None}

    def met(self) -> tuple[LinkProfile | None, list[int]]:
        """Return what an estimate depends on of boards that are connected.

        Returns:
            The link of the first board, None where there is none; and the numbers of the boards that hold a head which
            has learnt something.
        """
        known = [seat for seat in list(self._seats.values()) if seat.is_known]
        profile = known[0].device.profile if known else None
        return profile, [number for number, seat in enumerate(known) if seat.has_learnt]

    def _documents(self) -> list[dict[str, Any]]:
        return [seat.document() for seat in list(self._seats.values())]  # another thread may ask

    # ---- Boards

    async def connect(self, uris: Sequence[str], model: str) -> None:
        """Open boards and ask each what it is.

        Args:
            uris: The boards.
            model: The model of virtual boards; its recordings, or those of sound, stand in for their sensors.

        Raises:
            ConfigError, LinkError, ModelError: As ``open_devices``; E_CONFIG_BOARDS for too many.
        """
        self._refuse_in_training()
        takes_sound = "sound" in Manifest.load(model_folder(model)).document
        kind = replaying_kind(model, self._sounds if takes_sound else None)
        self._groups += 1
        group = self._groups
        async with AsyncExitStack() as opened:
            # without a seed virtual boards of two groups would be the same
            options = VirtualOptions(kind, uid_seed=group)
            devices = await opened.enter_async_context(open_devices(uris, options))
            if len(self._seats) + len(devices) > _MOST:
                raise ConfigError(
                    "E_CONFIG_BOARDS", f"The page has room for {_MOST} boards.", "Connect fewer."
                )
            self._stack.push_async_exit(opened.pop_all())
        fresh = [Seat(f"{group}-{number}", device, self.tell) for number, device in enumerate(devices)]
        self._seats |= {seat.key: seat for seat in fresh}
        self._say_boards()
        await asyncio.gather(*(seat.look() for seat in fresh))
        self._say_boards()

    async def disconnect(self) -> None:
        """Close all boards; virtual ones end, and with them what they hold."""
        self._refuse_in_training()
        await self.close()
        self._say_boards()

    async def close(self) -> None:
        """Stop the run, if there is one, and close all boards."""
        if self._run is not None:
            await self.stop()
            await asyncio.gather(self._run, return_exceptions=True)
        await asyncio.gather(*(seat.leave() for seat in self._seats.values()))
        self._seats.clear()
        await self._stack.aclose()
        self._stack = AsyncExitStack()

    def _say_boards(self) -> None:
        self.tell("boards", boards=self._documents())

    async def look(self) -> None:
        """Ask all boards once more what they are and hold."""
        self._refuse_in_training()
        await self.each([], lambda seat: seat.look())

    async def each(self, keys: Sequence[str], work: Callable[[Seat], Coroutine[Any, Any, _T]]) -> list[_T]:
        """Do something with boards at the same time; all are done before the first error is raised.

        Args:
            keys: Which boards; none for all.
            work: The work to do with each.

        Returns:
            What the work with each came to.
        """
        chosen = [self._seats[key] for key in (keys or self._seats) if key in self._seats]
        if not chosen:
            raise ConfigError("E_CONFIG_BOARDS", "No board is connected.", "Connect one first.")
        ends = await asyncio.gather(*(work(seat) for seat in chosen), return_exceptions=True)
        done: list[_T] = []
        for end in ends:
            if isinstance(end, BaseException):
                raise end
            done.append(end)
        return done

    async def end_captures(self) -> None:
        """End the captures that go on: what the boards have taken, they keep."""
        await asyncio.gather(*(seat.end_capture() for seat in self._seats.values()))

    async def live(self, keys: Sequence[str], doing: str, way: Way) -> None:
        """Let boards tell their "signal", their "predictions" or neither from now on."""
        await self.each(keys, lambda seat: seat.live(doing, way))

    # ---- The run

    async def train(self, settings: dict[str, Any], data: str = ON_BOARDS) -> None:
        """Begin a run; it goes on by itself, and pages hear of it.

        Args:
            settings: Keys of the configuration.
            data: The samples to learn from: those that boards hold, or a data set by its name.

        Raises:
            ConfigError: As ``RunConfig``; E_CONFIG_BOARDS where no board is connected.
        """
        self._refuse_in_training()
        if not self._seats:
            raise ConfigError("E_CONFIG_BOARDS", "No board is connected.", "Connect some first.")
        uris = tuple(seat.device.uri for seat in self._seats.values())
        config = RunConfig.resolve(None, {**settings, "data": data, "boards": uris})
        self._told.clear()
        self._run = asyncio.create_task(self._train(config))

    async def stop(self) -> None:
        """Stop the run at once; its rounds so far stay, and `bytefed run --resume` goes on with it."""
        if self._run is not None:
            self._run.cancel()

    async def _train(self, config: RunConfig) -> None:
        seats = list(self._seats.values())
        try:
            for seat in seats:
                await seat.lend()
            run = new_run()
            directory = self._folder / default_directory(run).name
            await begin(config, directory, logged(self._hear), devices=[seat.device for seat in seats])
        except BytefedError as error:
            self._say("failed", **told(error))
        except OSError as error:
            self._say("failed", **told(from_system(error)))
        except asyncio.CancelledError:
            self._say("stopped")
        finally:
            self._run = None
            await asyncio.gather(*(seat.take_back() for seat in seats))
            self._say("over")

    def _hear(self, event: Event) -> None:
        facts = asdict(event)
        if isinstance(event, RunStarted | RunEnded):
            facts["name"] = Path(event.directory).name
        self._say(type(event).__name__, **facts)

    def _say(self, what: str, **facts: Any) -> None:
        news = {"what": what, **facts}
        self._told.append(news)
        self.tell("run", **news)

    def _refuse_in_training(self) -> None:
        if self._run is not None:
            raise in_training()
