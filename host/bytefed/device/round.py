"""A round of one board: the head goes down, the board trains, its delta comes up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bytefed import codec
from bytefed.clock import now
from bytefed.codec.downlink import Offer, nothing, whole
from bytefed.device.blob import pull, push
from bytefed.device.done import Brought, DoneForm
from bytefed.device.frames import Incoming
from bytefed.device.link import TRIES
from bytefed.device.masked_round import claimed_examples, require_masks, step_of
from bytefed.device.offers import Offers
from bytefed.device.plan import PlannedRound, RoundReply
from bytefed.device.refusals import board_error
from bytefed.device.session import Session
from bytefed.errors import BoardError, LinkError
from bytefed.ledger import wire_size
from bytefed.ledger.account import Part, Role
from bytefed.protocol.chunks import ChunkReceiver
from bytefed.protocol.direction import Direction
from bytefed.protocol.header import control_frame
from bytefed.protocol.message import (
    Accept,
    Begin,
    Done,
    Kind,
    Next,
    Result,
    RoundFlag,
    State,
    Status,
    Stored,
)

_LEAST_PATIENCE = 2.0  # seconds until a board is asked where its answer is that never told how long it works
_SLOWER = 20  # how much slower than planned a board may work until then
_UNIT = 0.01  # seconds: waits and durations on the link


class Round:
    """A round under way, over as many connections as it takes.

    Args:
        session: With the board.
        offers: To the board.
        planned: What is to be done.
    """

    def __init__(self, session: Session, offers: Offers, planned: PlannedRound) -> None:
        self.planned = planned
        self._session, self._offers = session, offers
        self._started = now()
        self._connections, self._step = session.connections, step_of(planned)
        self._offer = planned.offer
        self._refusals = 0
        self._brought: Brought | None = None
        self._statistics: Result | None = None
        self._computing = 0.0
        self._boot: int | None = None  # of the board that said DONE
        self._receiver: ChunkReceiver | None = None
        self._delta: bytes | None = None
        self._ack_lost = False  # of the head: DONE comes in its place

    async def advance(self) -> None:
        """Bring the round from where it stands to the whole delta; after an error it can be called again.

        Raises:
            BoardError: The board refused, or training diverged.
            LinkError: The link died, or what came is damaged.
        """
        require_masks(self._session, self.planned, self._connections)
        planned, held = self.planned, self._session.stored.head
        if not self._offer.starts_from(held) and planned.hide is None:  # the board was reset meanwhile
            codec_down = planned.training.codec_down
            self._offer = self._offers.make(planned.number, planned.head, codec_down, held)
        elif held == self._offer.crc:
            self._offer = nothing(self._offer)
        while True:
            try:
                incoming = await self._ask()
                break
            except BoardError as error:
                self._judge(error)
        self._offers.held = self._offer.head
        self._session.stored = replace(self._session.stored, head=self._offer.crc)
        await self._take(incoming)
        if self._delta is None and self._brought is not None and self._brought.waits:
            await self._pull_delta(self._brought)

    def reply(self) -> RoundReply:
        """Return what the board brought, once ``advance`` has.

        Raises:
            BoardError: E_DELTA_NOT_FINITE.
        """
        seconds = now() - self._started
        hidden, delta = (self._delta, None) if self.planned.hide is not None else (None, self._decoded())
        examples = self._session.stored.train if self.planned.trains else 0
        told = self._statistics if self.planned.hide is None else None  # which are hidden, too
        personal = told.correct if told and told.num_examples and self.planned.judges_personal else None
        head = self._offers.columns.of_run(self._offer.head)
        return RoundReply(examples, told, delta, head, seconds, self._computing, personal, hidden)

    def _decoded(self) -> NDArray[np.float32] | None:
        if self._delta is None:
            return None
        training = self.planned.training
        seed = codec.uplink_seed(training.seed, self.planned.number)
        delta = codec.find(training.codec_up).decode(self._delta, len(self.planned.head), seed)
        return self._offers.columns.of_run(_finite(delta, self._session.uri))

    def _judge(self, error: BoardError) -> None:
        """Raise what the board answered, unless the request can be made again at once, with the whole head."""
        # Nobody but this host begins rounds of this run: whoever began a later one is a stranger.
        self._session.round_is_void |= error.code == "E_BOARD_STALE_ROUND"
        # A difference goes once more, it may have been damaged on the way; then the whole head, but where masks cancel
        # only if all boards start from the same one.
        last = self._refusals > 0 and self.planned.hide is not None
        if error.code != "E_BOARD_BAD_CRC" or self._offer.base is None or last:
            raise error
        self._refusals += 1
        if self._refusals > 1:
            self._offer = whole(self._offers.columns.of_board(self.planned.head))

    # ---- Down

    async def _ask(self) -> Incoming:
        """Give the board its head and its plan, and wait for DONE or RESULT."""
        session = self._session
        session.account.recovering = _takes_more(self._offer, self.planned.offer)
        try:
            configuration = await self._configuration()
            flags = self.planned.flags | (RoundFlag.CONFIGURE if configuration else 0)
            if session.profile.starts_by_next(len(self._offer.blob), len(self._step)):
                incoming = await self._next(flags, configuration)
            else:
                incoming = await self._begin(flags, configuration)
        finally:
            session.account.recovering = False
        if configuration:
            session.configured = self.planned.training.message()
        return incoming

    async def _configuration(self) -> bytes:
        """Return the CONFIG that travels with the request; one that does not fit, or was not planned, is sent now."""
        session, config = self._session, self.planned.training.message()
        if not session.is_configuration_due(self.planned.training, trains=self.planned.trains):
            return b""
        await session.make_noise(self.planned.noise)
        if self.planned.configures and session.profile.shares_config(len(self._offer.blob), len(self._step)):
            return config.pack()
        await session.link.request(Kind.CONFIG, config.pack(), Kind.CONFIGURED, name="round")
        session.configured = config
        return b""

    async def _next(self, flags: int, configuration: bytes) -> Incoming:
        link, offered = self._session.link, self._offer
        sequence = link.next_sequence()
        body = Next(self.planned.number, offered.crc).pack() + self._step + configuration + offered.blob
        frame = control_frame(Kind.NEXT, sequence, body, flags)
        # Where a BEGIN went before, its chunks have arrived: NEXT says it once more.
        await link.send(frame, payload=len(offered.blob), part=Part((Kind.BEGIN, "round")))
        return await self._await_done(sequence, self._session.work_seconds, frame)

    async def _begin(self, flags: int, configuration: bytes) -> Incoming:
        session, offered = self._session, self._offer
        begin = Begin(self.planned.number, offered.crc, wire_size.CODECS[offered.codec])
        proof = session.link.proof_of(offered.blob)
        sequence, body = await session.link.request(
            Kind.BEGIN,
            begin.pack() + proof + self._step + configuration,
            Kind.ACCEPT,
            proof=len(proof),
            flags=flags,
            known=lambda body: Accept.unpack(body).state != State.RECEIVING,
            name="round",
        )
        accept = Accept.unpack(body)
        if accept.state == State.RECEIVING:
            plan = session.profile.plan(len(offered.blob), Direction.DOWN)
            pushed = await push(session.link, offered.blob, plan, sequence, accept.index, name="head")
            if pushed.status != Status.OK:
                raise board_error(session.uri, pushed.status)
            self._ack_lost = pushed.ack_lost
        return await self._await_done(sequence, accept.wait * _UNIT, None)

    # ---- Up

    async def _await_done(self, sequence: int, wait: float, again: bytes | None) -> Incoming:
        """Wait for DONE or RESULT; ask by POLL if it is late.

        Args:
            sequence: Sequence number of the request.
            wait: Seconds that the work is expected to take, 0 for not known.
            again: The request, to be sent again if the board has not received it; None if it has.
        """
        link, asked = self._session.link, now()
        answer = Kind.RESULT if self.planned.statistics else Kind.DONE
        until = asked + self._patience(wait)
        silent, asks = 0, False
        while silent < TRIES:
            while incoming := await link.receive(until):
                if incoming.answers(answer, sequence):
                    self._computing = now() - asked
                    if not silent:
                        link.timers.results.measured(max(0.0, self._computing - wait))
                    if not silent or not self._session.work_seconds:
                        self._session.worked(self._computing)
                    return incoming
                if incoming.answers(Kind.ACCEPT, sequence):
                    link.accept(incoming, Role.PROBE)
                    until = now() + self._patience(Accept.unpack(incoming.body).wait * _UNIT)
                    silent = 0
                elif again is not None and _not_received(incoming, sequence):
                    link.accept(incoming, Role.RETRANSMISSION)
                    if asks:  # once, however many POLLs are answered
                        await link.send(again, Role.RETRANSMISSION)
                        until, asks = now() + self._patience(wait), False
                else:
                    link.refuse_error(incoming, sequence)
                    link.discard(incoming)
            await link.send(control_frame(Kind.POLL, sequence), Role.PROBE)
            until, asks = now() + link.timers.requests.timeout(silent), True
            silent += 1
        raise LinkError(
            "E_NO_ANSWER", f"{link.transport.uri}: no result, whatever was asked", "Reset the board."
        )

    def _patience(self, wait: float) -> float:
        """Return how long to wait for the answer, seconds, if the work is expected to take `wait`; 0: not known."""
        if wait:
            return 2 * wait + self._session.link.timers.results.timeout()
        return _LEAST_PATIENCE + _SLOWER * self.planned.seconds

    async def _take(self, incoming: Incoming) -> None:
        """Book DONE or RESULT, and the delta if that is inside."""
        link, statistics = self._session.link, self.planned.statistics
        form = DoneForm(self._session.profile, self._delta_size(), statistics=statistics)
        payload, proof = form.measure(incoming.body)
        part = Part((Kind.RESULT if statistics else Kind.DONE, "round"))
        if self._ack_lost:
            self._ack_lost = False
            link.accept_for_ack(incoming, payload, part)
        else:
            link.accept(incoming, payload=payload, part=part, proof=proof)
        brought = form.read(incoming.body)
        message = brought.message
        if message.status not in (Status.OK, Status.OTHER_SAMPLES):
            raise board_error(self._session.uri, message.status)
        if isinstance(message, Result):
            self._statistics, self._computing = message, message.duration * _UNIT
        await self._check_examples(message)
        last = self._brought
        if last is None or not last.is_same_delta(brought) or self._boot != self._session.boot:
            self._receiver = None  # another delta than the one begun
        self._brought, self._boot = brought, self._session.boot
        if brought.inline:
            self._delta = brought.proved(brought.inline, self._delta_size(), link)

    async def _check_examples(self, message: Done | Result) -> None:
        """Learn how many samples the board has now, its weight in the average; refuse a board that claims others."""
        session = self._session
        claimed = claimed_examples(message, self.planned, session.stored.train)
        if not self.planned.trains or (
            message.status != Status.OTHER_SAMPLES and claimed == session.stored.train
        ):
            return
        # Samples may have come from its sensor meanwhile: the board is asked what it holds now.
        _, body = await session.link.request(Kind.STORE, b"", Kind.STORED, role=Role.PROBE)
        session.stored = replace(Stored.unpack(body), head=session.stored.head)
        claimed = claimed_examples(message, self.planned, session.stored.train)
        if claimed != session.stored.train:
            raise BoardError(
                "E_BOARD_EXAMPLES",
                f"{session.uri}: RESULT says {claimed:,} training samples, STORED {session.stored.train:,}",
                "Its update is left out. If that goes on, somebody may rewrite its messages: use a cable.",
            )

    async def _pull_delta(self, brought: Brought) -> None:
        plan = self._session.profile.plan(self._delta_size(), Direction.UP)
        if self._receiver is None or self._receiver.plan != plan:
            self._receiver = ChunkReceiver(plan)
        number = 0 if brought.seal is None else brought.seal.number
        await pull(self._session.link, self._receiver, "delta", number)
        delta, self._receiver = self._receiver.blob(), None
        self._delta = brought.proved(delta, self._delta_size(), self._session.link)

    def _delta_size(self) -> int:
        return self.planned.blobs[1]


def _finite(delta: NDArray[np.float32], uri: str) -> NDArray[np.float32]:
    if not np.isfinite(delta).all():
        raise BoardError(
            "E_DELTA_NOT_FINITE",
            f"{uri}: the delta has a NaN or an infinity",
            "That delta does not count. Where deltas are often so, start a new run with a smaller --learning-rate.",
        )
    return delta


def _takes_more(offered: Offer, planned: Offer) -> bool:
    """Whether a board that was reset, or holds another head than it said, takes more than was planned."""
    return offered.codec != planned.codec or len(offered.blob) > len(planned.blob)


def _not_received(incoming: Incoming, sequence: int) -> bool:
    """Whether the board says that a POLL asked about a request which has not arrived."""
    return incoming.answers(Kind.ERROR, sequence) and incoming.body[:1] == bytes((Status.NOT_RECEIVED,))
