"""A board's samples: given once, and again after a reset that lost them."""

from __future__ import annotations

import zlib
from collections.abc import Awaitable, Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from bytefed.device.blob import push
from bytefed.device.plan import Samples
from bytefed.device.refusals import board_error
from bytefed.device.session import RETRYABLE, Session
from bytefed.errors import BoardError
from bytefed.ledger import wire_size
from bytefed.ledger.account import Said
from bytefed.protocol.direction import Direction
from bytefed.protocol.message import Add, Added, AddFlag, Capability, Kind, Noised, Status, Stored

_NO_SAMPLES = "E_BOARD_NO_SAMPLES"
_NOT_HELD = -1  # no boot id: the board has lost its samples


def _mark(samples: Samples, stored: Stored) -> str:
    return f"{samples.store_crc():08x} {stored.crc:08x}"


class SampleKeeper:
    """Sees to it that a board holds the samples that it was given.

    Args:
        session: With the board.

    Attributes:
        mark: Which inputs the board was given, and what its store was then: its extractor made features of them, so
            only the board can say what they came to. Empty for none; a host that starts anew sets what the last one
            knew.
        on_budget_end: Is called before the board is given samples if it has a privacy budget, or had one in this
            host's last session: that budget ends. Once for each budget, however often the samples are begun again.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.mark = ""
        self.on_budget_end: Callable[[], None] = lambda: None
        self._ended: Noised | None = None  # the board's last answer about a budget that is over
        self._is_ending = False  # from the call on, until the board has all its samples
        self._samples: Samples | None = None
        self._boot: int | None = None  # of the board when it last held them

    def holds(self, samples: Samples) -> bool:
        """Whether the connected board holds just these samples, as far as the host can know."""
        stored = self._session.stored
        if (stored.train, stored.test) != (len(samples.train_y), len(samples.test_y)):
            return False
        if self._session.board.capabilities & Capability.NOISED:
            # It tells no checksum. Where it knows the run, it was this run that gave it its samples.
            return self._session.welcome.round > 0
        if samples.kind == "inputs":
            return bool(self.mark) and self.mark == _mark(samples, stored)
        return stored.crc == samples.store_crc()

    async def provision(self, samples: Samples) -> None:
        """Give the board its samples, unless it holds just these.

        Raises:
            BoardError: E_BOARD_STORE_FULL, E_BOARD_BAD_LABEL, ...
            LinkError: The board was lost.
        """
        if samples is not self._samples:
            self._samples, self._boot = samples, None
        self._session.account.said = Said()
        await self.with_samples(lambda: self._provision(samples))

    async def with_samples(self, action: Callable[[], Awaitable[None]]) -> None:
        """Do something that can be begun again with a board that holds its samples.

        Raises:
            BoardError, LinkError, ProtocolError: It failed for good.
        """

        async def attempt() -> None:
            try:
                await self._restore()
                await action()
            except BoardError as error:
                if error.code == _NO_SAMPLES and self._samples is not None:
                    self._boot = _NOT_HELD
                raise

        retryable = RETRYABLE if self._samples is None else (*RETRYABLE, _NO_SAMPLES)
        await self._session.with_recovery(attempt, retryable)

    async def _restore(self) -> None:
        """Give a board that was reset its samples again."""
        if self._samples is None or self._boot in (None, self._session.boot):
            return
        account = self._session.account
        account.recovering = True
        try:
            await self._provision(self._samples)
        finally:
            account.recovering = False

    async def _provision(self, samples: Samples) -> None:
        session = self._session
        if not self.holds(samples):
            self._end_budget()
            anew = AddFlag.ANEW
            for records, first, test in self._portions(samples):
                await self._add(samples, records, first, AddFlag(anew), test)
                anew = AddFlag(0)
            _, body = await session.link.request(Kind.STORE, b"", Kind.STORED, name="samples")
            session.stored = Stored.unpack(body)
            self.mark = _mark(samples, session.stored) if samples.kind == "inputs" else ""
            self._is_ending = False
        self._boot = session.boot

    def _end_budget(self) -> None:
        """Tell that a privacy budget ends, if there is one and nothing was told of its end."""
        session = self._session
        has_one = session.budget is not self._ended or session.board.capabilities & Capability.NOISED
        if has_one and not self._is_ending:
            self._ended, self._is_ending = session.budget, True
            self.on_budget_end()

    def _portions(self, samples: Samples) -> Iterator[tuple[NDArray[np.uint8], int, bool]]:
        """Cut samples as an ADD takes them: records uint8 [n, 1 + values], where in the split, whether to test with."""
        session = self._session
        most = wire_size.samples_per_add(
            session.profile,
            samples.record_size,
            wire_size.add_buffer(session.board.features, session.board.classes),
        )
        if most == 0 and samples.kind == "inputs":
            most = 1  # one that is larger than the head's memory goes alone
        if most == 0:
            raise board_error(session.uri, Status.TOO_LARGE)
        for test in (False, True):
            records = samples.records(test)
            for first in range(0, len(records), most):
                yield records[first : first + most], first, test

    async def _add(
        self, samples: Samples, records: NDArray[np.uint8], first: int, flags: AddFlag, test: bool
    ) -> None:
        session = self._session
        if samples.kind == "inputs":
            flags |= AddFlag.INPUTS
        if test:
            flags |= AddFlag.TEST
        blob = records.tobytes()
        add = Add(first, len(records), flags, zlib.crc32(blob), samples.scale, samples.zero_point)
        proof = session.link.proof_of(blob)
        try:
            sequence, body = await session.link.request(
                Kind.ADD,
                add.pack() + proof,
                Kind.ADDED,
                proof=len(proof),
                known=lambda body: Added.unpack(body).state == 0,
                name=(test, first),
            )
        except BoardError as error:
            # It holds the delta of a round, of which it lost samples to an old ADD that came late.
            session.round_is_void = error.code == "E_BOARD_BUSY"
            raise
        added = Added.unpack(body)
        if added.state == 0:
            return
        plan = session.profile.plan(len(blob), Direction.DOWN)
        pushed = await push(
            session.link, blob, plan, sequence, added.index, name=(test, first), extracts=True
        )
        if pushed.status != Status.OK:
            raise board_error(session.uri, pushed.status)
