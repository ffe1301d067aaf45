"""One small world: boards, a host, a bad link between them, and what must hold whatever happens."""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import Literal

import numpy as np
from board_port import BoardPort, MakeBoard
from sockets import Sockets, SocketTransport
from virtual_time import StuckError, run

from bytefed import codec
from bytefed._core import VirtualBoard, logits, train
from bytefed.device.device import Device
from bytefed.device.plan import PlannedRound, RoundReply, Samples, TrainingPlan
from bytefed.device.samples import SampleKeeper
from bytefed.device.session import Session
from bytefed.errors import BoardError, LinkError
from bytefed.ledger.count import PARTS, REPAIR, ByteCount
from bytefed.ledger.plan import planned_connection, planned_provision, planned_release, planned_round
from bytefed.ledger.wire_size import add_buffer
from bytefed.protocol.direction import Direction
from bytefed.protocol.header import DataHeader, is_data
from bytefed.protocol.message import Kind, RoundFlag, Welcome
from bytefed.protocol.serial_frame import Decoded, SerialDecoder, encode_serial_frame
from bytefed.runs.store import Store
from bytefed.strategies.base import FedAvg, Update
from bytefed.transport.faults import Faults, FaultyTransport, Piece, RandomFaults, damage

C = 3
RUN = 77
PLAN = TrainingPlan("float32", "float32", epochs=2, batch=2, rate=0.25, seed=5)
PATIENCE = 3600.0  # seconds on the virtual clock for a whole world
_SCRATCH = Path("/dev/shm") if Path("/dev/shm").is_dir() else None  # noqa: S108  # memory: faster

Event = Literal[
    "kill",
    "kill+lose",
    "reset",
    "drop",
    "duplicate",
    "late",
    "echo",
    "old",
    "corrupt",
    "garbage",
    "cut",
    "old welcome",
    "save",
    "gone",
    "renamed",
    "swapped",
    "stranger",
    "usurper",
]
_OLD = 0.01  # seconds that an "old" copy comes late: nothing else takes time but to wait for what was lost
EVENTS: tuple[Event, ...] = (
    "kill",
    "kill+lose",
    "reset",
    "drop",
    "duplicate",
    "late",
    "corrupt",
    "garbage",
    "cut",
)


class Violation(AssertionError):  # noqa: N818  # the word that everyone uses for it
    """Something happened that must never happen."""


@dataclass(frozen=True)
class Setting:
    """The setting of a world.

    Attributes:
        boards, rounds: Numbers of boards and of rounds.
        framing, frame_limit, window: Framing, frame limit and window of every link.
        codec_down, codec_up: Codecs of heads and deltas.
        samples: Training samples of each board; more than 12 take two ADDs.
        still: Whether the rounds leave the global head as it is; then the boards are asked to evaluate it, too.
        statistics: Whether every round asks for statistics.
        personal: Whether these tell of the boards' personal heads.
        stops: Whether every round ends as a run does, by RELEASE.
        twin: Whether every host draws the same random numbers.
        left_out: The uid of a board whose deltas don't count in odd rounds; 0 for none.
        slice_time: Seconds for a slice of training.
        faults: Faults that are drawn for each frame.
        events: Numbers of frames, counted from 0 over all links and both directions, and the events that happen there.
        earlier: Whether the boards still hold the delta of another run's first round.
        forgetful: Whether a new host asks for deltas that are in the store already.
        sockets: Whether the boards are behind ports whose names can change: "gone", "renamed", "swapped".
        undetected: Probability that a chunk, an ACK, or what NEXT and DONE say of their blob is changed and its CRC-16
            still fits.
        echo: Number of further frames of its link and direction after which an "echo" of a frame comes.
        sealed: Whether host and boards share keys; heads are larger then, since a sealed link's smallest frame is.
        seed: Seed of the host's random numbers.
    """

    boards: int = 2
    rounds: int = 1
    framing: Literal["serial", "ble"] = "serial"
    frame_limit: int = 20
    window: int = 2
    codec_down: str = "float32"
    codec_up: str = "float32"
    samples: int = 5
    still: bool = False
    statistics: bool = False
    personal: bool = False
    stops: bool = False
    twin: bool = False
    left_out: int = 0
    slice_time: float = 0.0
    faults: Faults = field(default_factory=Faults)
    events: tuple[tuple[int, Event], ...] = ()
    earlier: bool = False
    forgetful: bool = False
    undetected: float = 0.0
    sockets: bool = False
    echo: int = 1
    sealed: bool = False
    seed: int = 0

    @property
    def features(self) -> int:
        """D of the head: 48 bytes in float32, or 132."""
        return 10 if self.sealed else 3

    @property
    def parameters(self) -> int:
        """P of the head."""
        return self.features * C + C


@dataclass
class Outcome:
    """The results of a world."""

    heads: list[bytes]
    deltas: dict[tuple[int, int], bytes]
    frames: int
    seconds: float
    sessions: int
    harmless: bool
    injected: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    bytes: ByteCount = field(default_factory=ByteCount)


_SEALED_LIMITS = {20: 62, 27: 69, 61: 150}
"""Frame limits by those of the same open worlds: as many chunks, and the same messages with their blobs inside."""


def sealed_world(setting: Setting) -> Setting:
    """Return the world with keys that is like an open one."""
    limit = _SEALED_LIMITS.get(setting.frame_limit, setting.frame_limit)
    return replace(setting, sealed=True, frame_limit=limit)


def key_of_board(uid: int) -> bytes:
    """Return the key of a sealed world's board."""
    return random.Random(f"key {uid}").randbytes(32)


def virtual_board(setting: Setting) -> MakeBoard:
    """Return what switches on a board of the firmware's own core."""

    def make(uid: int, boot: int) -> VirtualBoard:
        return VirtualBoard(
            features=setting.features,
            classes=C,
            uid=uid,
            boot=boot,
            capacity=16,
            max_batch=4,
            window=setting.window,
            frame_limit=setting.frame_limit,
            key=key_of_board(uid) if setting.sealed else None,
        )

    return make


@cache
def samples_of(uid: int, train: int, features: int) -> Samples:
    rng = np.random.default_rng(uid)
    x = rng.integers(-100, 100, (train + 2, features), dtype=np.int8)
    y = rng.integers(0, C, train + 2).astype(np.uint8)
    return Samples("features", x[:train], y[:train], x[train:], y[train:], 1 / 64, 3)


def trained(samples: Samples, head: np.ndarray, number: int) -> np.ndarray:
    """Return the head that the kernel makes of another with these samples."""
    local = head.copy()
    train(
        local, samples.train_x, samples.train_y, C, scale=samples.scale, zero_point=samples.zero_point,
        epochs=PLAN.epochs, batch=PLAN.batch, rate=PLAN.rate, seed=PLAN.seed, round=number,
    )  # fmt: skip
    return local


def classified(samples: Samples, head: np.ndarray) -> int:
    """Return the number of test samples that a head classifies correctly."""
    z = np.zeros(len(samples.test_y) * C, np.float32)
    logits(head, samples.test_x, C, scale=samples.scale, zero_point=samples.zero_point, out=z)
    return int((z.reshape(-1, C).argmax(axis=1) == samples.test_y).sum())


class _Residuals:
    """The encoding errors that boards hold, as they follow from what they trained and from what counted."""

    def __init__(self) -> None:
        self._last: dict[
            int, tuple[int, np.ndarray, np.ndarray]
        ] = {}  # round, residual before it, error of it

    def delta(self, uid: int, number: int, codec_up: str, made: np.ndarray, *, counted_before: bool) -> bytes:
        """Return the delta that a board sends which has made another one.

        Args:
            uid: The board's.
            number: Round.
            codec_up: Codec of the delta.
            made: The delta before it is encoded.
            counted_before: Whether the board's last delta counted.
        """
        last, before, error = self._last.get(uid, (0, np.zeros_like(made), np.zeros_like(made)))
        residual = error if last != number and counted_before else before
        values = made + residual if codec.find(codec_up).lossy else made
        _, sent = codec.find(codec_up).encode(values, codec.uplink_seed(PLAN.seed, number))
        self._last[uid] = number, residual, values - sent
        return sent.tobytes()


class World:
    """A run in a setting, host and boards dying and coming back as the setting says."""

    def __init__(self, setting: Setting, make_board: MakeBoard | None = None) -> None:
        self.setting = setting
        self.frames = 0
        self.injected: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.bytes = ByteCount()
        self._events = dict(setting.events)
        self._host: asyncio.Task[None] | None = None
        self._violation: str | None = None
        self.sessions = 0  # that were opened by hosts that lived on
        # No echo but of chunks, ACKs, POLLs, answers and the newest request, which must not make a difference.
        self.news_only = True
        self.excused = False  # an echo had the number, modulo 4, of the transfer under way
        self._directory = Path(tempfile.mkdtemp(prefix="bytefed-world-", dir=_SCRATCH))
        self._store: Store
        make = make_board or virtual_board(setting)
        self.ports = [
            BoardPort(
                uid + 1, make, framing=setting.framing, frame_limit=setting.frame_limit,
                key=key_of_board(uid + 1) if setting.sealed else None,
                slice_time=setting.slice_time, forgotten=self.must_be_stored, damaged=self.damaged,
            )
            for uid in range(setting.boards)
        ]  # fmt: skip
        self.sockets = Sockets(self.ports)
        ways = [
            SocketTransport(self.sockets, number) if setting.sockets else port
            for number, port in enumerate(self.ports)
        ]
        self._links = [
            FaultyTransport(way, _Source(self, port)) for way, port in zip(ways, self.ports, strict=True)
        ]
        self.residuals = _Residuals()
        self._starts = 0
        self._calm = setting.faults == Faults() and not setting.events and not setting.undetected

    # ---- Life and death

    def run(self) -> Outcome:
        """Run the world to its end.

        Raises:
            Violation: Something happened that must not.
        """
        try:
            return run(self._live())
        except StuckError as error:
            raise Violation(f"stuck {error}") from error
        finally:
            shutil.rmtree(self._directory)

    async def _live(self) -> Outcome:
        Store.create(self._directory, RUN, np.zeros(self.setting.parameters, np.float32), "", {}).close()
        loop = asyncio.get_running_loop()
        if self.setting.earlier:
            for port in self.ports:
                await _leave_behind(port, self.setting)
        while True:
            self._store = Store.open(self._directory)
            self._host = loop.create_task(self._be_host())
            try:
                async with asyncio.timeout(PATIENCE - loop.time()):
                    await asyncio.wait((self._host,))
            except TimeoutError as error:
                self._host.cancel()
                raise Violation("no end within the bounds of patience") from error
            finally:
                self._store.close()
            if self._violation:
                raise Violation(self._violation)
            if not self._host.cancelled():
                self._host.result()
                return self._outcome(loop.time())
            self._host = None
            for link in self._links:  # the system closes the ports of a process that is gone
                await link.close()

    def kill_host(self) -> None:
        """Kill the host; it is started anew from its store."""
        if self._host is not None:
            self._host.cancel()

    def must_be_stored(self, uid: int, round_: int) -> None:
        """Whoever says that a delta is stored, or acts on it, has to be right."""
        kept = [delta.board for delta in self._store.deltas(round_)]
        if kept.count(f"{uid:016x}") != 1:
            self.report(f"board {uid}'s delta of round {round_} is taken for stored, the store has {kept}")

    def report(self, violation: str) -> None:
        """End the world: something happened that must not."""
        self._violation = self._violation or violation
        self.kill_host()

    def damaged(self, who: str) -> None:
        """A blob has arrived with a wrong CRC-32: intact frames of other transfers must not bring that about."""
        spoilt = {"late", "corrupt", "garbage"} & {event for _, event in self.setting.events}
        if not (self.excused or spoilt or self.setting.undetected or self.setting.faults != Faults()):
            self.report(f"{who} got a blob with a wrong CRC-32 from intact frames")

    def check_news(self, count: ByteCount, expected: ByteCount, number: int) -> None:
        """Nothing is news twice, and of the blobs all is news once; a new host finds some of it said already.

        When nothing goes wrong, all is as expected; but a board can't tell how long its first work will take.
        """
        for cause in sorted(set(PARTS) - set(REPAIR)):
            said, due = getattr(count, cause), getattr(expected, cause)
            missing = said < due and self._starts == 1 and cause.startswith("payload")
            if said > due or missing:
                self.report(f"{said} B of {cause} instead of {due} B: {count}, expected {expected}")
        if self._calm and count != expected and not (self.setting.slice_time and number <= 1):
            self.report(f"{count} instead of {expected}, and nothing went wrong")

    def _outcome(self, seconds: float) -> Outcome:
        store = Store.open(self._directory)
        heads, deltas = [], {}
        for number in range(1, self.setting.rounds + 1):
            for delta in store.deltas(number):
                key = (number, int(delta.board, 16))
                if key in deltas:
                    raise Violation(f"two deltas of round and board {key}")
                deltas[key] = delta.delta.tobytes()
                if delta.applied != self.counts(key[1], number):
                    raise Violation(
                        f"the delta of board {delta.board} in round {number}: applied is {delta.applied}"
                    )
        done, head = store.head()
        if done != self.setting.rounds:
            raise Violation(f"{done} rounds instead of {self.setting.rounds}")
        heads.append(head.tobytes())
        store.close()
        harmless = self.news_only and not self.excused
        return Outcome(
            heads,
            deltas,
            self.frames,
            seconds,
            self.sessions,
            harmless,
            self.injected,
            self.errors,
            self.bytes,
        )

    # ---- A host in thirty lines

    async def _be_host(self) -> None:
        self._starts += 1
        devices = []
        for port, link in zip(self.ports, self._links, strict=True):
            seed = f"{self.setting.seed}/{0 if self.setting.twin else self._starts}/{port.uid}"
            devices.append(_Booked(_Watched(link, rng=random.Random(seed), world=self), link, self))
        done, head = self._store.head()
        async with asyncio.TaskGroup() as group:
            for each in devices:
                group.create_task(each.persist(each.join))
        for number in range(done + 1, self.setting.rounds + 1):
            self._store.begin_round(number, [each.name for each in devices])
            have = set() if self.setting.forgetful else {delta.board for delta in self._store.deltas(number)}
            async with asyncio.TaskGroup() as group:
                for each in devices:
                    if each.name not in have:
                        group.create_task(each.persist(partial(each.round, number, head)))
            deltas = self._store.deltas(number)
            counted = [d for d in deltas if d.status == "ok" and self.counts(int(d.board, 16), number)]
            updates = [Update(int(d.board, 16), d.num_examples, d.delta) for d in counted]
            head = head if self.setting.still or not updates else FedAvg().aggregate(head, updates)
            self._store.close_round(number, head, [d.board for d in counted], seconds=0, accuracy=0, loss=0)
            if self.setting.stops:
                for each in devices:
                    await each.persist(each.release)
        for each in devices:
            if self.setting.still:
                await each.persist(partial(each.evaluate, self.setting.rounds, head))
            await each.persist(each.release)
            await each.leave()

    def counts(self, uid: int, number: int) -> bool:
        """Whether the delta of a board in a round is to count."""
        return uid != self.setting.left_out or number % 2 == 0

    @property
    def store(self) -> Store:
        return self._store

    def happens(self, port: BoardPort) -> Event | None:
        """Count a frame and return what is to happen to it; kills and resets happen here."""
        event = self._events.get(self.frames)
        self.frames += 1
        if event is None:
            return None
        if event in ("gone", "renamed", "swapped") and not self.sockets.all_known:
            return None  # a board that was never met can't be looked for
        self.injected[event] += 1
        if event.startswith("kill"):
            self.kill_host()
        if event == "reset":
            port.reset()
        if event == "save":
            port.save()
        if event in ("stranger", "usurper"):
            port.greet(*((RUN + 1,) if event == "stranger" else (RUN, 65_535)))
        if event in ("gone", "renamed"):
            self.sockets.take_away(port, self.frames % 7, renamed=event == "renamed")
        if event == "swapped":
            self.sockets.swap()
        return event


class _Watched(Device):
    """A Device that tells its world of damage."""

    def __init__(self, transport: FaultyTransport, *, rng: random.Random, world: World) -> None:
        super().__init__(transport, rng=rng)
        self._world = world
        self._samples = _WatchedSamples(self._session, world)

    async def train(self, planned: PlannedRound) -> RoundReply:
        if 0 < self.owed < planned.number:
            self._world.must_be_stored(self.uid, self.owed)
        return await super().train(planned)

    async def release(self, *, counted: bool) -> None:
        self._world.must_be_stored(self.uid, self.owed)
        self._world.ports[self.uid - 1].releases = self.owed
        await super().release(counted=counted)


class _WatchedSamples(SampleKeeper):
    """Hears of every error of an attempt, so of a delta that arrived damaged."""

    def __init__(self, session: Session, world: World) -> None:
        super().__init__(session)
        self._world = world

    async def with_samples(self, action: Callable[[], Awaitable[None]]) -> None:
        async def watched() -> None:
            try:
                await action()
            except LinkError as error:
                if error.code == "E_DELTA_CRC":
                    self._world.damaged("the host")
                raise
            except BoardError as error:
                if error.code == "E_BOARD_BAD_CRC":
                    self._world.damaged("a board")
                raise

        await super().with_samples(watched)


class _Booked:
    """A Device whose every byte is taken account of."""

    def __init__(self, device: Device, link: FaultyTransport, world: World) -> None:
        self._device = device
        self._link = link
        self._world = world
        self._before = (link.sent, link.received)
        self._count = ByteCount()
        self._expected = ByteCount()
        self._connected = False
        self._round = 0

    @property
    def name(self) -> str:
        return self._device.name

    async def persist(self, action: object) -> None:
        """Try again after a link loss, as the coordinator does with boards that it has lost."""
        complete = True
        while True:
            try:
                if not self._connected:
                    await self._device.connect(RUN)
                    self._expected += planned_connection(self._device.profile)
                    self._connected = True
                await action()  # type: ignore[operator]
                self._take(complete)
                return
            except LinkError as error:
                self._world.errors[error.code] += 1
                self._connected = complete = False
                await self._device.close()
                await asyncio.sleep(1)
            except BoardError as error:
                if not self._world.setting.undetected:
                    raise Violation(f"the board refused: {error}") from error
                self._world.errors[error.code] += 1
                self._connected = complete = False
                await asyncio.sleep(1)

    async def join(self) -> None:
        device, samples = self._device, self._samples
        self._expected += planned_provision(
            device.profile, samples.record_size, len(samples.train_y), len(samples.test_y), add_buffer(*device.shape),
            held=device.holds(samples),
        )  # fmt: skip
        await device.provision(samples)

    def _plan(self, number: int, head: np.ndarray, plan: TrainingPlan, *, train: bool = True) -> PlannedRound:
        device, world = self._device, self._world
        planned = device.plan_round(
            number, head, plan, train=train, statistics=not train or world.setting.statistics,
            uncounted=not world.store.counts(self.name, device.owed_before(number)),
        )  # fmt: skip
        self._expected += planned_round(
            device.profile, planned.blobs, statistics=planned.statistics, configures=planned.configures
        )
        return planned

    @property
    def _samples(self) -> Samples:
        setting = self._world.setting
        return samples_of(self._device.uid, setting.samples, setting.features)

    async def round(self, number: int, head: np.ndarray) -> None:
        self._round, setting = number, self._world.setting
        plan = replace(
            PLAN, codec_down=setting.codec_down, codec_up=setting.codec_up, personal=setting.personal
        )
        reply = await self._device.train(self._plan(number, head, plan))
        self._check_delta(number, reply)
        self._check_statistics(number, reply, asked=setting.statistics)
        self._world.store.commit_delta(
            number, self.name, reply.delta, num_examples=reply.num_examples, loss=None, correct=None
        )

    def _check_delta(self, number: int, reply: RoundReply) -> None:
        """Compare a delta with what training makes of the head that the board is said to hold."""
        world, samples = self._world, self._samples
        made = trained(samples, reply.head, number) - reply.head
        due = world.residuals.delta(
            self._device.uid, number, world.setting.codec_up, made,
            counted_before=world.counts(self._device.uid, number - 1),
        )  # fmt: skip
        if reply.delta is None or reply.delta.tobytes() != due:
            raise Violation(
                f"{self.name}: another delta of round {number} than this head and its samples make"
            )
        if reply.num_examples != len(samples.train_y):
            raise Violation(f"{self.name}: {reply.num_examples} samples weigh its delta of round {number}")

    def _check_statistics(self, number: int, reply: RoundReply, *, asked: bool) -> None:
        told = reply.statistics
        if (told is not None) != asked:
            raise Violation(f"{self.name}: statistics were {'' if asked else 'not '}asked for, {told} came")
        if told and told.test_correct != (due := classified(self._samples, reply.head)):
            raise Violation(f"{self.name}: {told.test_correct} test samples classified correctly, not {due}")
        if told and self._world.setting.personal:
            due = classified(self._samples, trained(self._samples, reply.head, number))
            if reply.personal != due:
                raise Violation(f"{self.name}: its personal head gets {reply.personal} right, not {due}")

    async def evaluate(self, number: int, head: np.ndarray) -> None:
        plan = replace(PLAN, personal=self._world.setting.personal)
        reply = await self._device.train(self._plan(number, head, plan, train=False))
        self._check_statistics(number, reply, asked=True)

    async def release(self) -> None:
        """Let the board forget what the run's end leaves on it."""
        if 0 < self._device.owed <= self._world.setting.rounds:
            self._expected += planned_release(self._device.profile)
            try:
                await self._device.release(counted=self._world.store.counts(self.name, self._device.owed))
            except BoardError as error:
                if error.code != "E_BOARD_NO_SESSION":
                    raise
                raise LinkError(error.code, "the board was reset", "Reconnect.") from error

    def _take(self, complete: bool) -> None:
        """Take account of what was done; nothing of it is news twice."""
        count, expected = self._device.take_bytes(), self._expected
        self._expected = ByteCount()
        if complete:
            self._world.check_news(count, expected, self._round)
        self._count += count

    async def leave(self) -> None:
        """Close the port and make sure that no byte is missing from the account."""
        await self._device.close()
        self._take(False)
        port = (self._link.sent - self._before[0], self._link.received - self._before[1])
        if (self._count.wire_down, self._count.wire_up) != port or self._count.causes_total != sum(port):
            raise Violation(f"the ledger has {self._count}, the port counted {port}")
        self._world.bytes += self._count
        self._world.sessions += self._device.connections


async def _leave_behind(port: BoardPort, setting: Setting) -> None:
    """Let a board train for a run that is never heard of again."""
    device = Device(port, rng=random.Random(port.uid))
    await device.connect(RUN - 1)
    await device.provision(samples_of(port.uid, 5, setting.features))
    head = np.zeros(setting.parameters, np.float32)
    await device.train(device.plan_round(1, head, replace(PLAN, seed=6)))
    await device.close()


class _Source:
    """The faults on one link of a world."""

    def __init__(self, world: World, port: BoardPort) -> None:
        setting = world.setting
        self._world = world
        self._port = port
        self._stream = setting.framing == "serial"
        self._random = RandomFaults(setting.faults, port.uri, stream=self._stream)
        self._random.injected = world.injected
        self._rng = random.Random(f"{setting.seed}/{port.uri}")
        self._echoes: dict[Direction, list[tuple[int, bytes]]] = {d: [] for d in Direction}
        self._newest = bytes(2)  # header of the last request

    def pieces(self, direction: Direction, frame: bytes) -> list[Piece]:
        event = self._world.happens(self._port)
        if direction is Direction.DOWN:
            self._port.genuine.add(frame)
        echoes = self._pending_echoes(direction, frame)
        if event == "echo":
            self._echoes[direction].append((self._world.setting.echo, frame))
        if direction is Direction.DOWN and not is_data(header := self._frame(frame)[:2]):
            self._newest = self._newest if header[0] == Kind.POLL else header
        return [*map(Piece, echoes), *self._pieces(event, direction, frame)]

    def _pending_echoes(self, direction: Direction, frame: bytes) -> list[bytes]:
        """Return the echoes that come just before a frame."""
        waiting = [(left - 1, echo) for left, echo in self._echoes[direction]]
        self._echoes[direction] = [(left, echo) for left, echo in waiting if left > 0]
        due = [echo for left, echo in waiting if left <= 0]
        for echo in due:
            self._judge(direction, self._frame(echo))
        return due

    def _judge(self, direction: Direction, old: bytes) -> None:
        """Note the effects that a repeated frame may have."""
        world = self._world
        if is_data(old):
            world.excused |= _transfer(old) in (self._newest[1] % 4, self._port.opened)
        elif direction is Direction.DOWN and world.setting.sealed:
            world.news_only &= old[0] != Kind.GREET  # nothing else opens twice
        elif direction is Direction.DOWN:
            world.news_only &= old[0] in (Kind.POLL, Kind.RELEASE) or old[:2] == self._newest

    def _frame(self, wire: bytes) -> bytes:
        """A frame as it was before the link's framing; what is none counts as a control frame of no kind."""
        if not self._stream:
            return wire or bytes(2)
        decoded = SerialDecoder().push(wire + b"\0")[0]
        return decoded.frame or (self._port.key and decoded.bare) or bytes(2)

    def _pieces(self, event: Event | None, direction: Direction, frame: bytes) -> list[Piece]:
        match event:
            case "kill+lose" | "drop":
                return []
            case "duplicate":
                # A handshake that comes twice is answered twice: the second takes the place of the first.
                self._world.news_only &= self._frame(frame)[0] != Kind.GREET
                return [Piece(frame), Piece(frame)]
            case "old":
                asyncio.get_running_loop().call_later(_OLD, self._judge, direction, self._frame(frame))
                return [Piece(frame), Piece(frame, _OLD, overtaken=True)]
            case "late":
                return [Piece(frame), Piece(frame, self._rng.choice((0.05, 0.5, 1.5, 5, 15)), overtaken=True)]
            case "corrupt":
                return [Piece(damage(self._rng, frame, stream=self._stream))]
            case "garbage":
                return [Piece(self._rng.randbytes(self._rng.randint(1, 70))), Piece(frame)]
            case "old welcome":
                return [*self._old_welcome(frame), Piece(frame)]
            case "cut":
                return [Piece(frame[: self._rng.randrange(len(frame))] if self._stream else b"", last=True)]
        if self._rng.random() < self._world.setting.undetected:
            frame = self._forge(frame)
        return self._random.pieces(direction, frame)

    def _old_welcome(self, wire: bytes) -> list[Piece]:
        """Return the answer to another host's HELLO of the same sequence number: smaller frames."""
        frame = SerialDecoder().push(wire + b"\0")[0].frame or b""
        if not frame or frame[0] != Kind.WELCOME:
            return []
        welcome = replace(Welcome.unpack(frame[2:]), nonce=1, frame_limit=20)
        return [Piece(encode_serial_frame(frame[:2] + welcome.pack()))]

    def _forge(self, wire: bytes) -> bytes:
        """Change one bit so that the CRC-16 fits all the same: of a chunk, an ACK, a blob, or a CRC-32 of one."""
        decoded = SerialDecoder().push(wire + b"\0") if self._stream else [Decoded(wire, len(wire))]
        frame = decoded[0].frame
        if not frame or not (bits := _judged_bits(frame)):
            return wire
        self._world.injected["undetected"] += 1
        bit = self._rng.choice(bits)
        changed = bytearray(frame)
        changed[bit // 8] ^= 0x80 >> bit % 8
        return encode_serial_frame(bytes(changed)) if self._stream else bytes(changed)


def _judged_bits(frame: bytes) -> range:
    """Return the bits of a frame that more than its CRC-16 judges."""
    if is_data(frame):
        return range(1, 8 * len(frame))  # bit 0 says that it is a data frame
    if frame[0] & 0xF0 == Kind.NEXT and not frame[0] & RoundFlag.CONFIGURE:
        return range(8 * 4, 8 * len(frame))  # from the head's CRC-32 on
    return range(8 * 3, 8 * len(frame)) if frame[0] == Kind.DONE else range(0)


def _transfer(frame: bytes) -> int:
    return DataHeader.unpack(frame).transfer


def check(outcome: Outcome, expected: Outcome) -> None:
    """Compare a world with the same one without faults.

    Raises:
        Violation: Another head, or another set of deltas.
    """
    for key, delta in outcome.deltas.items():
        if expected.deltas.get(key) != delta:
            raise Violation(f"round and board {key}: another delta than without faults")
    if outcome.deltas.keys() != expected.deltas.keys():
        raise Violation(f"deltas {sorted(outcome.deltas)} instead of {sorted(expected.deltas)}")
    if outcome.heads != expected.heads:
        raise Violation("another global head than without faults")


def fault_free(setting: Setting) -> Outcome:
    """Return the results of a world in which nothing goes wrong, the same over every link."""
    s = setting
    kept = {
        "codec_up": s.codec_up, "samples": s.samples, "still": s.still, "left_out": s.left_out, "sealed": s.sealed,
        "frame_limit": 62 if s.sealed else 20,
    }  # fmt: skip
    return _fault_free(Setting(s.boards, s.rounds, **kept))  # type: ignore[arg-type]


@cache
def _fault_free(setting: Setting) -> Outcome:
    return World(setting).run()


def try_world(setting: Setting, make_board: MakeBoard | None = None) -> Outcome:
    """Run a world and check it.

    Raises:
        Violation: With the setting, so that it can be run again.
    """
    try:
        outcome = World(setting, make_board).run()
        if setting.codec_down == "float32":  # else a new host sends the head whole
            check(outcome, fault_free(setting))
    except Exception as error:
        causes = error.exceptions if isinstance(error, ExceptionGroup) else (error,)
        raise Violation(f"{'; '.join(f'{type(e).__name__}: {e}' for e in causes)} in {setting}") from error
    return outcome


def random_setting_of_ports(seed: int) -> Setting:
    """Draw a world in which ports go away, are renamed and swapped, besides all that goes wrong on a byte stream."""
    rng = random.Random(f"ports {seed}")
    drawn = random_setting(seed)
    events: list[tuple[int, Event]] = [
        (rng.randrange(150), rng.choice(("gone", "renamed", "swapped"))) for _ in range(rng.randint(1, 6))
    ]
    # A host that starts anew is told the names of that time, as by serial:auto; these worlds have one host.
    kept = tuple(each for each in drawn.events if each[1] in ("reset", "late", "cut"))
    return replace(
        drawn, framing="serial", frame_limit=rng.choice((20, 61, 250)), codec_up="float32", sockets=True,
        boards=rng.choice((1, 2, 3)), events=(*kept, *events),
    )  # fmt: skip


def random_setting(seed: int) -> Setting:
    """Draw a world: the same for the same seed, on any machine."""
    rng = random.Random(seed)
    stream = rng.random() < 0.5
    rate = rng.choice((0.01, 0.05, 0.15))

    def sometimes(scale: float) -> float:
        return rate * scale if rng.random() < 0.6 else 0.0

    faults = Faults(
        drop=sometimes(1.0),
        corrupt=sometimes(1.0) if stream else 0.0,  # on BLE the link layer's CRC-24 sees to it
        duplicate=sometimes(1.0),
        reorder=sometimes(0.5),
        garbage=sometimes(0.5) if stream else 0.0,
        stall=sometimes(0.1),
        cut=sometimes(0.1),
        hold=rng.choice((0.05, 1.0, 20.0)),
        delay=rng.choice((0.0, 0.0, 0.05, 1.0)),
        seed=seed,
    )
    events: list[tuple[int, Event]] = [
        (rng.randrange(200), rng.choice(("kill", "kill+lose", "reset", "late", "echo", "cut")))
        for _ in range(rng.randrange(5))
    ]
    # A board that is reset loses the residual of a lossy codec, and that is no fault.
    lossy = rng.random() < 0.3 and "reset" not in {event for _, event in events}
    statistics = rng.random() < 0.3
    return Setting(
        codec_up="onebit" if lossy else "float32",
        statistics=statistics,
        left_out=2 if rng.random() < 0.2 else 0,
        boards=rng.choice((1, 2, 2, 3)),
        rounds=rng.choice((1, 2, 3)),
        framing="serial" if stream else "ble",
        frame_limit=rng.choice((20, 20, 27, 61, 250 if stream else 244)),
        window=rng.choice((1, 2, 3, 8)),
        slice_time=rng.choice((0.0, 0.01, 0.5)),
        faults=faults,
        events=tuple(events),
        earlier=rng.random() < 0.3,
        forgetful=not lossy and rng.random() < 0.3,
        echo=rng.randint(1, 30),
        seed=seed,
        personal=statistics and rng.random() < 0.5,
    )
