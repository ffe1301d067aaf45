"""A round of one board: the head goes down, the board trains, its delta comes up, and the board may forget it."""

from __future__ import annotations

import zlib
from dataclasses import replace

import numpy as np

from bytefed import codec
from bytefed.clock import now
from bytefed.codec.downlink import whole
from bytefed.device.blob import pull, push
from bytefed.device.link import TRIES, Incoming
from bytefed.device.offers import Offers
from bytefed.device.plan import PlannedRound, RoundReply
from bytefed.device.refusals import board_error
from bytefed.device.session import Session
from bytefed.errors import BoardError, LinkError
from bytefed.ledger import wire_size
from bytefed.ledger.account import Part, Role
from bytefed.protocol.chunks import ChunkReceiver, final_ack
from bytefed.protocol.direction import Direction
from bytefed.protocol.header import control_frame
from bytefed.protocol.message import Accept, Begin, Kind, Result, State, Status, Stored

_UNKNOWN_WAIT = 10.0  # seconds to train, before the board can tell
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
        self._session = session
        self._offers = offers
        self._started = now()
        self._offer = planned.offer
        self._refusals = 0
        self._result: Result | None = None
        self._boot: int | None = None  # of the board that said RESULT
        self._receiver: ChunkReceiver | None = None
        self._delta: bytes | None = None
        self._ack_lost = False  # of the head: RESULT comes in its place
        self._transfer = 0  # that the final ACK belongs to

    async def advance(self) -> None:
        """Bring the round from where it stands to the whole delta; after an error it can be called again.

        Raises:
            BoardError: The board refused, or training diverged.
            LinkError: The link died, or what came is damaged.
        """
        planned = self.planned
        if self.planned.trains:
            await self._configure()
        stored = self._session.stored
        if not self._offer.starts_from(stored.head):  # the board was reset meanwhile
            self._offer = self._offers.make(
                planned.number, planned.head, planned.training.codec_down, stored.head
            )
        sequence, wait = await self._begin()
        await self._take_result(sequence, wait)
        if self._delta is None and self._result is not None and self._result.crc:
            await self._pull_delta(self._result)

    def reply(self) -> RoundReply:
        """Return what the board brought, once ``advance`` has.

        Raises:
            BoardError: E_DELTA_NOT_FINITE.
        """
        if self._result is None:
            raise LinkError(
                "E_NO_ANSWER", f"{self._session.uri}: the round ended without a result", "Reset the board."
            )
        planned, seconds = self.planned, now() - self._started
        if self._delta is None:
            return RoundReply(self._result, None, self._offer.head, seconds)
        training = planned.training
        seed = codec.uplink_seed(training.seed, planned.number)
        delta = codec.find(training.codec_up).decode(self._delta, len(planned.head), seed)
        if not np.isfinite(delta).all():
            raise BoardError(
                "E_DELTA_NOT_FINITE",
                f"{self._session.uri}: the delta has a NaN or an infinity",
                "It is left out. If it happens again, use a smaller --learning-rate.",
            )
        return RoundReply(self._result, delta, self._offer.head, seconds)

    async def finish(self, status: Status) -> None:
        """Send the final ACK, once; a board that misses it learns the same from the next BEGIN."""
        session, length = self._session, self._delta_size()
        pulled = not session.profile.inlines(Result.size(), length)
        count = session.profile.plan(length, Direction.UP).count if pulled else 0
        try:
            await session.link.send(final_ack(self._transfer, count, status), ack=True)
        except LinkError:
            return  # the delta is safe; the next round opens the link anew

    # ---- Down

    async def _configure(self) -> None:
        config = self.planned.training.message()
        if config == self._session.configured:
            return
        await self._session.link.request(Kind.CONFIG, config.pack(), Kind.CONFIGURED, name="round")
        self._session.configured = config

    async def _begin(self) -> tuple[int, float]:
        """Give the board its head; the sequence number of BEGIN, and seconds until RESULT."""
        session, account = self._session, self._session.account
        while True:
            account.recovering = self._offer.codec != self.planned.offer.codec
            try:
                sequence, wait = await self._send_head()
                break
            except BoardError as error:
                # Nobody but this host begins rounds of this run: whoever began a later one is a stranger.
                session.round_is_void |= error.code == "E_BOARD_STALE_ROUND"
                # A difference goes once more, it may have been damaged on the way; then the whole head.
                if error.code != "E_BOARD_BAD_CRC" or self._offer.base is None:
                    raise
                self._refusals += 1
                if self._refusals > 1:
                    self._offer = whole(self.planned.head)
            finally:
                account.recovering = False
        self._offers.held = self._offer.head
        session.stored = replace(session.stored, head=self._offer.crc)
        return sequence, wait

    async def _send_head(self) -> tuple[int, float]:
        session, offered = self._session, self._offer
        begin = Begin(
            self.planned.number, wire_size.CODECS[offered.codec], self.planned.flags, offered.crc
        ).pack()
        inline = offered.blob if session.profile.inlines(len(begin), len(offered.blob)) else b""
        sequence, body = await session.link.request(
            Kind.BEGIN,
            begin + inline,
            Kind.ACCEPT,
            payload=len(inline),
            known=lambda body: not inline and Accept.unpack(body).state != State.RECEIVING,
            name="round",
        )
        accept = Accept.unpack(body)
        if accept.state == State.RECEIVING:
            plan = session.profile.plan(len(offered.blob), Direction.DOWN)
            pushed = await push(session.link, offered.blob, plan, sequence, accept.index, name="head")
            if pushed.status != Status.OK:
                raise board_error(session.uri, pushed.status)
            self._ack_lost = pushed.ack_lost
        return sequence, accept.wait * _UNIT

    # ---- Up

    async def _take_result(self, sequence: int, wait: float) -> None:
        incoming = await self._await_result(sequence, wait)
        inline = incoming.body[Result.size() :]
        part = Part((Kind.RESULT, "round"))
        if self._ack_lost:
            self._ack_lost = False
            self._session.link.accept_for_ack(incoming, len(inline), part)
        else:
            self._session.link.accept(incoming, payload=len(inline), part=part)
        result = Result.unpack(incoming.body)
        if result.status != Status.OK:
            raise board_error(self._session.uri, result.status)
        await self._check_examples(result)
        if self._result != result or self._boot != self._session.boot:
            self._receiver = None  # another delta than the one begun
        self._result, self._boot, self._transfer = result, self._session.boot, sequence % 4
        if inline:
            self._check_delta(result, inline)
            self._delta = inline

    async def _await_result(self, sequence: int, wait: float) -> Incoming:
        link = self._session.link

        def patience(wait: float) -> float:
            return 2 * wait + link.timers.results.timeout() if wait else _UNKNOWN_WAIT

        due, until = now() + wait, now() + patience(wait)
        silent = 0
        while silent < TRIES:
            while incoming := await link.receive(until):
                if incoming.answers(Kind.RESULT, sequence):
                    if wait and not silent:
                        link.timers.results.measured(max(0.0, now() - due))
                    return incoming
                if incoming.answers(Kind.ACCEPT, sequence):
                    link.accept(incoming, Role.PROBE)
                    until = now() + patience(Accept.unpack(incoming.body).wait * _UNIT)
                    silent = 0
                    continue
                link.refuse_error(incoming, sequence)
                link.discard(incoming)
            await link.send(control_frame(Kind.POLL, sequence), Role.PROBE)
            until = now() + link.timers.requests.timeout(silent)
            silent += 1
        raise LinkError(
            "E_NO_ANSWER", f"{link.transport.uri}: no RESULT, whatever was asked", "Reset the board."
        )

    async def _check_examples(self, result: Result) -> None:
        """Refuse a board that claims other samples than it holds: they are its weight in the average."""
        session = self._session
        if not self.planned.trains or result.num_examples == session.stored.train:
            return
        # Samples may have come from its sensor meanwhile: the board is asked what it holds now.
        _, body = await session.link.request(Kind.STORE, b"", Kind.STORED, role=Role.PROBE)
        session.stored = replace(Stored.unpack(body), head=session.stored.head)
        if result.num_examples != session.stored.train:
            raise BoardError(
                "E_BOARD_EXAMPLES",
                f"{session.uri}: RESULT says {result.num_examples:,} training samples, STORED {session.stored.train:,}",
                "Its update is left out. If that goes on, somebody may rewrite its messages: use a cable.",
            )

    async def _pull_delta(self, result: Result) -> None:
        plan = self._session.profile.plan(self._delta_size(), Direction.UP)
        if self._receiver is None or self._receiver.plan != plan:
            self._receiver = ChunkReceiver(plan)
        self._transfer = await pull(self._session.link, self._receiver, "delta")
        delta = self._receiver.blob()
        self._receiver = None
        self._check_delta(result, delta)
        self._delta = delta

    def _delta_size(self) -> int:
        board = self._session.board
        return wire_size.blob_size(self.planned.training.codec_up, board.features, board.classes)

    def _check_delta(self, result: Result, delta: bytes) -> None:
        if len(delta) != self._delta_size() or zlib.crc32(delta) != result.crc:
            raise LinkError(
                "E_DELTA_CRC", f"{self._session.uri}: the delta arrived damaged", "It is fetched again."
            )
