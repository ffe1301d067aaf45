"""Requests to a board and their answers, until one comes; and the handshake of a sealed session."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable

from bytefed.clock import now
from bytefed.device.frames import Frames, Incoming
from bytefed.device.refusals import refusal
from bytefed.errors import BoardError, LinkError
from bytefed.ledger.account import Part, Role
from bytefed.protocol.header import control_frame
from bytefed.protocol.message import Error, Kind, Status
from bytefed.seal import HANDSHAKE_OVERHEAD, Greeting

_LOG = logging.getLogger(__name__)

TRIES = 8
_GRACE = 0.5  # seconds that a board gets to answer GREET once somebody has said in the clear that it won't


class Link(Frames):
    """Frames over one transport, and the requests that are made of them."""

    async def request(
        self,
        kind: Kind,
        body: bytes,
        answer: Kind,
        *,
        tries: int = TRIES,
        flags: int = 0,
        fits: Callable[[bytes], bool] = lambda _body: True,
        known: Callable[[bytes], bool] = lambda _body: False,
        role: Role = Role.NEWS,
        name: Hashable = None,
        proof: int = 0,
        locked: Part | None = None,
        late: float = 0.0,
        fixed: int | None = None,
    ) -> tuple[int, bytes]:
        """Send a request until it is answered.

        Args:
            kind: Kind of the request.
            body: Body of the request.
            answer: The kind to wait for.
            tries: How often to send it.
            flags: Flags in the low bits of the kind.
            fits: Whether the body of an answer is one to this very request; others are waited out.
            known: Whether an answer says that the board was asked this before, by a host that has died: then it is
                booked as a retransmission.
            role: Cause under which request and answer are booked.
            name: Identifies the request across reconnections, so that a repeat is booked as a retransmission.
            proof: Bytes of the body that are a blob's number and tag.
            locked: The part that ERROR LOCKED is, where the request asks for that as well; None where it doesn't.
            late: Seconds that the board may wait for something of its own before it answers.
            fixed: Bytes of the answer's body in front of a blob, which is payload; None where there is no blob.

        Returns:
            The sequence number, and the body of the answer.

        Raises:
            BoardError: The board answered by ERROR.
            LinkError: E_NO_ANSWER, or the link died.
        """
        sequence = self.next_sequence()
        frame = control_frame(kind, sequence, body, flags)
        answered = None if name is None else Part((answer, name))
        for attempt in range(tries):
            started = now()
            await self._ask(kind, frame, Role.RETRANSMISSION if attempt else role, name, proof)
            until = started + self.timers.requests.timeout(attempt) + late
            while incoming := await self.receive(until):
                if incoming.answers(answer, sequence) and fits(incoming.body):
                    found = Role.RETRANSMISSION if known(incoming.body) else role
                    self.accept(incoming, found, part=answered, payload=_behind(incoming.body, fixed))
                    if attempt == 0 and not late:
                        self.timers.requests.measured(now() - started)
                    return sequence, incoming.body
                self.refuse_error(incoming, sequence, locked)
                self.discard(incoming)
            self.note_silence(kind.name, attempt, tries)
        raise _no_answer(self.transport.uri, kind, tries)

    async def _ask(self, kind: Kind, frame: bytes, role: Role, name: Hashable, proof: int) -> None:
        """Send a request once."""
        if kind is Kind.HELLO:
            await self.send_delimiter(role, None if name is None else Part(("delimiter", name)))
        await self.send(frame, role, part=None if name is None else Part((kind, name)), proof=proof)

    async def greet(
        self, key: bytes, payload: bytes, *, tries: int, name: Hashable, believes: bool = True
    ) -> bytes:
        """Open a sealed session; each try is a handshake of its own, of which the board keeps the last.

        Args:
            key: The key that host and board share, 32 bytes.
            payload: GREET's fields.
            tries: How often to greet.
            name: Identifies the request across reconnections.
            believes: Whether one refusal in the clear, which anybody may have said, ends it; else all tries are made.

        Returns:
            The fields of WELCOMED, and what follows them.

        Raises:
            BoardError: The board said only in the clear that it won't: another key, no key, another version.
            LinkError: E_NO_ANSWER, or the link died.
        """
        self.channel = None
        sequence, hint = self.next_sequence(), None
        for attempt in range(tries):
            started = now()
            role = Role.RETRANSMISSION if attempt else Role.NEWS
            greeting = Greeting(key, payload)
            await self.send_delimiter(role, Part(("delimiter", Kind.GREET, name)))
            frame = control_frame(Kind.GREET, sequence, greeting.message)
            await self.send(frame, role, part=Part((Kind.GREET, name)), handshake=HANDSHAKE_OVERHEAD)
            until = started + self.timers.requests.timeout(attempt)
            while incoming := await self.receive(until):
                answer = (
                    greeting.answered(incoming.body) if incoming.answers(Kind.WELCOMED, sequence) else None
                )
                if answer is not None:
                    part = Part((Kind.WELCOMED, name))
                    self.accept(incoming, part=part, handshake=HANDSHAKE_OVERHEAD)
                    if attempt == 0:
                        self.timers.requests.measured(now() - started)
                    fields, self.channel = answer
                    return fields
                try:
                    self.refuse_error(incoming, sequence)
                except BoardError as error:  # anybody may have said it: the board may still answer
                    hint, until = error, min(until, now() + _GRACE)
                    continue
                self.discard(incoming)
            self.note_silence(Kind.GREET.name, attempt, tries)
            if hint is not None and (believes or attempt == tries - 1):
                raise hint
        raise _no_answer(self.transport.uri, Kind.GREET, tries)

    def note_silence(self, asked: str, attempt: int, tries: int) -> None:
        """Let the log know that nothing was heard in time; if a try is left, it is made now."""
        _LOG.debug("%s: no answer to %s in time, try %d of %d", self.transport.uri, asked, attempt + 1, tries)

    def refuse_error(self, incoming: Incoming, sequence: int, locked: Part | None = None) -> None:
        """Raise BoardError if the frame is an ERROR for that request; what it refused will be resent, or was wasted.

        Args:
            incoming: The frame.
            sequence: Sequence number of the request.
            locked: The part that ERROR LOCKED is, where it was asked for.
        """
        if incoming.answers(Kind.ERROR, sequence):
            asked = locked is not None and incoming.body[: Error.size()] == bytes([Status.LOCKED])
            self.accept(incoming, Role.NEWS if asked else Role.RETRANSMISSION, part=locked if asked else None)
            raise refusal(self.transport.uri, incoming.body)


def _behind(body: bytes, fixed: int | None) -> int:
    """Return how many bytes of a body are a blob that begins behind so many others; None: there is no blob."""
    return 0 if fixed is None else max(0, len(body) - fixed)


def _no_answer(uri: str, kind: Kind, tries: int) -> LinkError:
    return LinkError(
        "E_NO_ANSWER",
        f"{uri}: no answer to {kind.name} after {tries} tries",
        "Is this a board with the bytefed firmware? Press its reset button, or flash it again.",
    )
