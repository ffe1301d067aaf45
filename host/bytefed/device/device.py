"""One board as the coordinator sees it: connect, provision, run a round; resumes by itself after a link loss."""

from __future__ import annotations

import random
import zlib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bytefed import codec
from bytefed.clock import now
from bytefed.codec.downlink import Offer, head_crc, offer, whole
from bytefed.device.blob import pull, push
from bytefed.device.link import TRIES, Incoming, Link
from bytefed.device.plan import RoundReply, Samples, TrainingPlan
from bytefed.device.refusals import board_error
from bytefed.errors import BoardError, LinkError, ProtocolError
from bytefed.ledger import wire_size
from bytefed.ledger.account import Part, Role, Said
from bytefed.ledger.count import ByteCount
from bytefed.ledger.wire_size import LinkProfile
from bytefed.protocol.chunks import ChunkReceiver, final_ack
from bytefed.protocol.direction import Direction
from bytefed.protocol.header import control_frame
from bytefed.protocol.message import (
    MAX_WINDOW,
    MIN_FRAME,
    PROTOCOL_VERSION,
    Accept,
    Add,
    Added,
    AddFlag,
    Begin,
    BeginFlag,
    Board,
    Config,
    Hello,
    Kind,
    Result,
    State,
    Status,
    Stored,
    Welcome,
)
from bytefed.transport.base import Transport

_HELLOS = 3  # before the port is opened anew
_HELLO_TRIES = 6  # the first of them wait long: nothing was measured yet
_REOPENINGS = 3  # before the board is given up
_UNKNOWN_WAIT = 10.0  # seconds to train, before the board can tell
_PASSING = (
    "E_BOARD_NO_SESSION",
    "E_BOARD_NO_CONFIG",
    "E_BOARD_BUSY",
    "E_BOARD_BAD_CRC",
    "E_SHORT_MESSAGE",
)
"""What comes of a reset, an old frame that is late, or damage that a CRC-16 did not find (one in 65,536)."""
_FINAL = ("E_OTHER_BOARD", "E_VERSION", "E_BOARD_BAD_VERSION")
"""What another HELLO can't change."""
_NOT_HELD = -1  # no boot id: the board has lost its samples
_CONFIGURATION = ((Kind.CONFIG, "round"), (Kind.CONFIGURED, "round"))
_UNIT = 0.01  # seconds: waits and durations on the link


@dataclass
class _Round:
    """A round under way, over as many connections as it takes."""

    round: int
    flags: int
    head: NDArray[np.float32]
    plan: TrainingPlan
    started: float
    offer: Offer
    planned: Offer  # the first: what is offered instead of it was no part of the plan
    configures: bool  # whether CONFIG is due
    refusals: int = 0
    result: Result | None = None
    boot: int | None = None
    receiver: ChunkReceiver | None = None
    delta: bytes | None = None


class Device:
    """A board behind a transport. Known after `connect`: uid, welcome, board, stored, profile.

    `held` is the head that the board is believed to hold, float32 [P], or None. It makes lossy downlinks short; a
    wrong belief costs bytes, nothing else. A host that starts anew sets it to what the last one knew.

    Args:
        transport: The way to it.
        rng: Of nonces, first sequence number and jitter. Tests give a seeded one; else no two hosts have the same,
            so that a new one can't take what was said to its predecessor for its own.
    """

    def __init__(self, transport: Transport, *, rng: random.Random | None = None) -> None:
        self.uri = transport.uri
        self.connections = 0
        self.profile: LinkProfile
        self.welcome: Welcome
        self.board: Board
        self.stored: Stored
        self._transport = transport
        self._rng = rng or random.Random()
        self._link: Link | None = None
        self._run = 0
        self._boot: int | None = None
        self.held: NDArray[np.float32] | None = None
        self._last_offer: tuple[tuple[int, str, int], Offer] | None = None
        self._configured: Config | None = None
        self._samples: Samples | None = None
        self._samples_boot: int | None = None
        self._round_is_void = False  # the board is to forget its round at the next HELLO
        self._expected = ByteCount()

    # ---- Identity and bytes

    @property
    def uid(self) -> int:
        """The chip's 64-bit identity."""
        return self.board.uid

    @property
    def name(self) -> str:
        """The uid as 16 hexadecimal digits: the board's name in all tables."""
        return f"{self.board.uid:016x}"

    def take_bytes(self) -> ByteCount:
        """Return what crossed the port since the last call, by cause.

        Raises:
            LedgerError: E_LEDGER when the causes don't add up to the port's count.
        """
        return self._link.take_bytes() if self._link else ByteCount()

    def take_values(self) -> dict[Direction, Counter[int]] | None:
        """Return how many ATT values of each size crossed the port since the last call; None where there are none."""
        if self._link is None or self._transport.framing != "ble":
            return None
        return self._link.take_values()

    def take_expected(self) -> ByteCount:
        """Return what the closed forms say for all that was done since the last call."""
        expected, self._expected = self._expected, ByteCount()
        return expected

    # ---- Connecting

    async def connect(self, run: int) -> None:
        """Open the port, say HELLO for a run, and ask what the board is and holds.

        Raises:
            LinkError: E_PORT_..., E_NO_ANSWER.
            BoardError, ProtocolError: It is no board of ours, or speaks another version.
        """
        self._run = run
        if self._link is None:
            self._link = Link(self._transport, self._rng)
        self._link.abandon_input()
        await self._transport.open()
        await self._hello()
        self._link.account.said = Said()
        self._expected += wire_size.connection_bytes(self.profile)

    async def _hello(self) -> None:
        """Open a session; once more when the board is reset just then, or an old ERROR has the new request's number."""
        for attempt in range(_HELLOS):
            try:
                await self._greet(self._open_link())
                return
            except (BoardError, ProtocolError) as error:
                if error.code in _FINAL or attempt == _HELLOS - 1:
                    raise

    async def _greet(self, link: Link) -> None:
        nonce = self._rng.getrandbits(32)
        hello = Hello(PROTOCOL_VERSION, PROTOCOL_VERSION, self._run, nonce, self._transport.frame_limit)

        if self._round_is_void:  # another run makes the board forget it
            other = replace(hello, run=self._run ^ 1)
            await link.request(Kind.HELLO, other.pack(), Kind.WELCOME)
            self._round_is_void = False

        def fits(body: bytes) -> bool:
            return len(body) < Welcome.size() or Welcome.unpack(body).nonce == nonce

        _, body = await link.request(
            Kind.HELLO, hello.pack(), Kind.WELCOME, tries=_HELLO_TRIES, fits=fits, name="connect"
        )
        self._take_welcome(Welcome.unpack(body))
        _, body = await link.request(Kind.INFO, b"", Kind.BOARD, name="connect")
        board = Board.unpack(body)
        if self.connections and board.uid != self.board.uid:
            raise BoardError(
                "E_OTHER_BOARD",
                f"{self.uri}: board {board.uid:016x} answers where {self.name} was",
                "Don't swap boards during a run; start again with --resume.",
            )
        self.board = board
        _, body = await link.request(Kind.STORE, b"", Kind.STORED, name="connect")
        self.stored = Stored.unpack(body)
        self._configured = None
        self.connections += 1

    def _take_welcome(self, welcome: Welcome) -> None:
        if welcome.version != PROTOCOL_VERSION:
            raise ProtocolError(
                "E_VERSION",
                f"{self.uri}: the board speaks protocol version {welcome.version}, this host {PROTOCOL_VERSION}",
                "Flash the firmware that fits this host, or install the host that fits the firmware.",
            )
        if not MIN_FRAME <= welcome.frame_limit <= self._transport.frame_limit:
            raise ProtocolError("E_WELCOME", f"{self.uri}: a frame limit of {welcome.frame_limit} bytes", "")
        if not 1 <= welcome.window <= MAX_WINDOW:
            raise ProtocolError("E_WELCOME", f"{self.uri}: a window of {welcome.window} chunks", "")
        self.welcome = welcome
        self._boot = welcome.boot
        framing = self._transport.framing
        name = self.uri.partition(":")[0]
        self.profile = LinkProfile(name, welcome.frame_limit, welcome.window, MAX_WINDOW, framing)

    async def ask(self, kind: Kind, body: bytes, answer: Kind) -> tuple[int, bytes]:
        """Send a request that is no part of a round: sequence number and body of the answer.

        Raises:
            BoardError: The board answered by ERROR.
            LinkError: E_NO_ANSWER, or the link died.
        """
        return await self._open_link().request(kind, body, answer)

    def _open_link(self) -> Link:
        if self._link is None:
            raise LinkError("E_LINK_LOST", f"{self.uri} is not connected", "Connect first.")
        return self._link

    async def close(self) -> None:
        """Close the port; `take_bytes` then has all that ever crossed it."""
        await self._transport.close()
        if self._link is not None:
            self._link.abandon_input()

    # ---- Recovering

    async def _with_recovery(self, action: Callable[[], Awaitable[None]]) -> None:
        """Do something that can be begun again; after a link loss or a reset, HELLO and go on."""
        link = self._open_link()
        failures = 0
        while True:
            try:
                await self._restore_samples()
                await action()
                return
            except (LinkError, BoardError, ProtocolError) as error:
                failures += 1
                if not self._passes(error) or failures > _HELLOS * _REOPENINGS:
                    raise
                lost = error.code == "E_LINK_LOST" or failures % _HELLOS == 0
            link.account.recovering = True
            try:
                await self._recover(reopen=lost)
            finally:
                link.account.recovering = False

    def _passes(self, error: LinkError | BoardError | ProtocolError) -> bool:
        """Whether to begin again after an error."""
        if error.code == "E_BOARD_NO_SAMPLES" and self._samples is not None:
            self._samples_boot = _NOT_HELD
            return True
        return isinstance(error, LinkError) or error.code in _PASSING

    async def _recover(self, *, reopen: bool) -> None:
        link = self._open_link()
        for attempt in range(_REOPENINGS):
            try:
                if reopen:
                    await self._transport.close()
                    link.abandon_input()
                    await self._transport.open()
                await self._hello()
                break
            except LinkError:
                if attempt == _REOPENINGS - 1:
                    raise
                reopen = True

    async def _restore_samples(self) -> None:
        """Give a board that was reset its samples again."""
        if self._samples is None or self._samples_boot in (None, self._boot):
            return
        account = self._open_link().account
        account.recovering = True
        try:
            await self._provision(self._samples)
        finally:
            account.recovering = False

    # ---- Samples

    async def provision(self, samples: Samples) -> None:
        """Give the board its samples, unless it holds just these.

        Raises:
            BoardError: E_BOARD_STORE_FULL, E_BOARD_BAD_LABEL, ...
            LinkError: The board was lost.
        """
        if samples is not self._samples:
            self._samples, self._samples_boot = samples, None
        self._open_link().account.said = Said()
        if not self._holds(samples):
            self._expected += wire_size.store_bytes(self.profile)
            for records, _, _ in self._portions(samples):
                self._expected += wire_size.add_bytes(self.profile, records.size)
        await self._with_recovery(lambda: self._provision(samples))

    async def _provision(self, samples: Samples) -> None:
        if not self._holds(samples):
            anew = AddFlag.ANEW
            for records, first, test in self._portions(samples):
                await self._add(samples, records, first, AddFlag(anew), test)
                anew = AddFlag(0)
            _, body = await self._open_link().request(Kind.STORE, b"", Kind.STORED, name="samples")
            self.stored = Stored.unpack(body)
        self._samples_boot = self._boot

    def _portions(self, samples: Samples) -> Iterator[tuple[NDArray[np.uint8], int, bool]]:
        """Cut samples as an ADD takes them: records uint8 [n, 1 + values], where in the split, whether to test with."""
        for test in (False, True):
            records = samples.records(test)
            most = wire_size.samples_per_add(self.profile, records.shape[1], self.stored.buffer)
            if most == 0:
                raise board_error(self.uri, Status.TOO_LARGE)
            for first in range(0, len(records), most):
                yield records[first : first + most], first, test

    def _holds(self, samples: Samples) -> bool:
        if (self.stored.train, self.stored.test) != (len(samples.train_y), len(samples.test_y)):
            return False
        if samples.kind == "inputs":  # what the extractor makes of them is known only after a first time
            return self._samples_boot == self._boot
        return self.stored.crc == samples.store_crc()

    async def _add(
        self, samples: Samples, records: NDArray[np.uint8], first: int, flags: AddFlag, test: bool
    ) -> None:
        link = self._open_link()
        if samples.kind == "inputs":
            flags |= AddFlag.INPUTS
        if test:
            flags |= AddFlag.TEST
        blob = records.tobytes()
        add = Add(first, len(records), flags, zlib.crc32(blob), samples.scale, samples.zero_point)
        try:
            sequence, body = await link.request(Kind.ADD, add.pack(), Kind.ADDED, name=(test, first))
        except BoardError as error:
            # It holds the delta of a round, of which it lost samples to an old ADD that came late.
            self._round_is_void = error.code == "E_BOARD_BUSY"
            raise
        added = Added.unpack(body)
        if added.state == 0:
            return
        plan = self.profile.plan(len(blob), Direction.DOWN)
        status = await push(link, blob, plan, sequence, added.index, name=(test, first), extracts=True)
        if status != Status.OK:
            raise board_error(self.uri, status)

    # ---- Rounds

    async def run_round(
        self,
        round: int,  # noqa: A002  # the field's own word
        head: NDArray[np.float32],
        plan: TrainingPlan,
        *,
        train: bool = True,
        evaluate: bool = True,
        uncounted: bool = False,
        commit: Callable[[RoundReply], bool],
    ) -> RoundReply:
        """Run a round on the board.

        Args:
            round: 1..65535.
            head: The global head, float32 [P].
            plan: How to train.
            train: False for an evaluation alone.
            evaluate: Whether the board tries the received head on its test samples.
            uncounted: Whether the last delta that was asked of the board did not count: its residual makes up for it.
                The same for all attempts at a round.
            commit: Called once all is here, before the board is told to forget its delta: puts it on disk and
                returns whether it counts (False: too late).

        Raises:
            BoardError: The board refused, or training diverged.
            LinkError: The board was lost for good.
        """
        flags = BeginFlag.TRAIN * train | BeginFlag.EVALUATE * evaluate | BeginFlag.UNCOUNTED * uncounted
        offered = self._offer(head, plan, round)
        configures = train and plan.message() != self._configured
        work = _Round(round, flags, head, plan, now(), offered, offered, configures)
        self._open_link().account.said = Said() if configures else Said(*_CONFIGURATION)
        await self._with_recovery(lambda: self._advance(work))
        reply = self._reply(work)
        counted = commit(reply)
        if train:
            await self._finish(work, Status.OK if counted else Status.LATE)
        self._expect(work, train)
        return reply

    def _expect(self, work: _Round, train: bool) -> None:
        shape = self.board.features, self.board.classes
        codecs = work.planned.codec, work.plan.codec_up
        self._expected += wire_size.round_bytes(self.profile, *shape, *codecs, train=train)
        if work.configures:
            self._expected += wire_size.configuration_bytes(self.profile)

    def _offer(self, head: NDArray[np.float32], plan: TrainingPlan, round: int) -> Offer:  # noqa: A002
        """What to send; when a round is tried once more, the same as before, so that its key is the same."""
        key = (round, plan.codec_down, head_crc(head))
        if self._last_offer is None or self._last_offer[0] != key or not self._leads(self._last_offer[1]):
            self._last_offer = key, offer(head, plan.codec_down, round, self.stored.head, self.held)
        return self._last_offer[1]

    def _leads(self, offered: Offer) -> bool:
        return offered.leads_from(self.stored.head)

    async def _advance(self, work: _Round) -> None:
        """Bring a round from where it stands to the whole delta."""
        if work.flags & BeginFlag.TRAIN:
            await self._configure(work)
        if not self._leads(work.offer):  # the board was reset meanwhile
            work.offer = self._offer(work.head, work.plan, work.round)
        sequence, wait = await self._begin(work)
        await self._take_result(work, sequence, wait)
        if work.delta is None and work.result is not None and work.result.crc:
            await self._pull_delta(work)

    async def _begin(self, work: _Round) -> tuple[int, float]:
        """Give the board its head; the sequence number of BEGIN, and seconds until RESULT."""
        account = self._open_link().account
        while True:
            account.recovering = work.offer.codec != work.planned.codec
            try:
                sequence, wait = await self._send_head(work)
                break
            except BoardError as error:
                # A difference goes once more, it may have been damaged on the way; then the whole head.
                if error.code != "E_BOARD_BAD_CRC" or work.offer.base is None:
                    raise
                work.refusals += 1
                if work.refusals > 1:
                    work.offer = whole(work.head)
            finally:
                account.recovering = False
        self.held = work.offer.head
        self.stored = replace(self.stored, head=work.offer.crc)
        return sequence, wait

    async def _send_head(self, work: _Round) -> tuple[int, float]:
        link, offered = self._open_link(), work.offer
        begin = Begin(work.round, wire_size.CODECS[offered.codec], work.flags, offered.crc)
        inline = offered.blob if self.profile.inlines(Begin.size(), len(offered.blob)) else b""
        sequence, body = await link.request(
            Kind.BEGIN, begin.pack() + inline, Kind.ACCEPT, payload=len(inline), name="round"
        )
        accept = Accept.unpack(body)
        if accept.state == State.RECEIVING:
            plan = self.profile.plan(len(offered.blob), Direction.DOWN)
            status = await push(link, offered.blob, plan, sequence, accept.index, name="head")
            if status != Status.OK:
                raise board_error(self.uri, status)
        return sequence, accept.wait * _UNIT

    async def _configure(self, work: _Round) -> None:
        config = work.plan.message()
        if config == self._configured:
            return
        await self._open_link().request(Kind.CONFIG, config.pack(), Kind.CONFIGURED, name="round")
        self._configured = config

    async def _take_result(self, work: _Round, sequence: int, wait: float) -> None:
        link = self._open_link()
        incoming = await self._await_result(link, sequence, wait)
        inline = incoming.body[Result.size() :]
        link.accept(incoming, payload=len(inline), part=Part((Kind.RESULT, "round")))
        result = Result.unpack(incoming.body)
        if result.status != Status.OK:
            raise board_error(self.uri, result.status)
        if work.result != result or work.boot != self._boot:
            work.receiver = None  # another delta than the one begun
        work.result, work.boot = result, self._boot
        if inline:
            self._check_delta(work, result, inline)
            work.delta = inline

    async def _await_result(self, link: Link, sequence: int, wait: float) -> Incoming:
        def patience(wait: float) -> float:
            return 2 * wait + link.results.timeout() if wait else _UNKNOWN_WAIT

        due, until = now() + wait, now() + patience(wait)
        silent = 0
        while silent < TRIES:
            while incoming := await link.receive(until):
                if incoming.answers(Kind.RESULT, sequence):
                    if wait and not silent:
                        link.results.measured(max(0.0, now() - due))
                    return incoming
                if incoming.answers(Kind.ACCEPT, sequence):
                    link.accept(incoming, Role.PROBE)
                    until = now() + patience(Accept.unpack(incoming.body).wait * _UNIT)
                    silent = 0
                    continue
                link.refuse_error(incoming, sequence)
                link.discard(incoming)
            await link.send(control_frame(Kind.POLL, sequence), Role.PROBE)
            until = now() + link.requests.timeout(silent)
            silent += 1
        raise LinkError("E_NO_ANSWER", f"{self.uri}: no RESULT, whatever was asked", "Reset the board.")

    async def _pull_delta(self, work: _Round) -> None:
        result = work.result
        if result is None:
            return
        plan = self.profile.plan(self._delta_size(work), Direction.UP)
        if work.receiver is None or work.receiver.plan != plan:
            work.receiver = ChunkReceiver(plan)
        await pull(self._open_link(), work.receiver, "delta")
        delta = work.receiver.blob()
        work.receiver = None
        self._check_delta(work, result, delta)
        work.delta = delta

    def _delta_size(self, work: _Round) -> int:
        return wire_size.blob_size(work.plan.codec_up, self.board.features, self.board.classes)

    def _check_delta(self, work: _Round, result: Result, delta: bytes) -> None:
        if len(delta) != self._delta_size(work) or zlib.crc32(delta) != result.crc:
            raise LinkError("E_DELTA_CRC", f"{self.uri}: the delta arrived damaged", "It is fetched again.")

    def _reply(self, work: _Round) -> RoundReply:
        if work.result is None:
            raise LinkError("E_NO_ANSWER", f"{self.uri}: the round ended without a result", "")
        seconds = now() - work.started
        if work.delta is None:
            return RoundReply(work.result, None, work.offer.head, seconds)
        seed = codec.uplink_seed(work.plan.seed, work.round)
        delta = codec.find(work.plan.codec_up).decode(work.delta, len(work.head), seed)
        if not np.isfinite(delta).all():
            raise BoardError(
                "E_DELTA_NOT_FINITE",
                f"{self.uri}: the delta has a NaN or an infinity",
                "It is left out. If it happens again, use a smaller --learning-rate.",
            )
        return RoundReply(work.result, delta, work.offer.head, seconds)

    async def _finish(self, work: _Round, status: Status) -> None:
        """Send the final ACK, once; a board that misses it learns the same from the next BEGIN."""
        link = self._open_link()
        length = self._delta_size(work)
        pulled = not self.profile.inlines(Result.size(), length)
        count = self.profile.plan(length, Direction.UP).count if pulled else 0
        try:
            await link.send(final_ack(link.sequence % 4, count, status), ack=True)
        except LinkError:
            return  # the delta is safe; the next round opens the link anew
