"""One board as the coordinator sees it: connect, provision, train, release; resumes by itself after a link loss."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from bytefed.device.allowance import Loan
from bytefed.device.columns import Columns
from bytefed.device.offers import Offers
from bytefed.device.owed import Owed
from bytefed.device.plan import PlannedRound, RoundReply, Samples, TrainingPlan
from bytefed.device.round import Round
from bytefed.device.samples import SampleKeeper
from bytefed.device.session import Session
from bytefed.errors import BytefedError
from bytefed.keys import KeyRing
from bytefed.ledger.account import Said
from bytefed.ledger.budget import Load, Loads
from bytefed.ledger.count import ByteCount
from bytefed.ledger.wire_size import LinkProfile
from bytefed.protocol.direction import Direction
from bytefed.protocol.message import Board, Kind, Release, RoundFlag, State, Stored, Welcome
from bytefed.transport.base import Transport

_CONFIGURATION = tuple((kind, "round") for kind in (Kind.CONFIG, Kind.CONFIGURED, Kind.NOISE, Kind.NOISED))
_RELEASE_TRIES = 3


class Device:
    """A board behind a transport. Known after `connect`: uid, welcome, board, stored, profile.

    ``plan_round`` says what a round would send, ``train`` brings the delta. The board keeps that until the next round,
    so the coordinator commits in between; after the last round, ``release`` lets the board forget it. ``model`` is the
    name or folder of the extractor that bytefed has started the board with; None where it has not.

    Args:
        transport: The way to it.
        rng: Gives nonces, the first sequence number and jitter; a seeded one in tests alone, since a host must not take
            what was said to its predecessor for its own.
        ring: Where keys are looked up for boards whose transport has none; None to talk to those in the clear.
    """

    def __init__(
        self, transport: Transport, *, rng: random.Random | None = None, ring: KeyRing | None = None
    ) -> None:
        self.session = self._session = Session(transport, rng or random.Random(), ring)
        self._samples, self._offers, self._owed = SampleKeeper(self._session), Offers(), Owed()
        self.model: str | None = None

    # ---- Identity

    @property
    def uri(self) -> str:
        """The URI of the board; it changes when the board moves to another port."""
        return self._session.uri

    @property
    def uid(self) -> int:
        """The chip's 64-bit identity."""
        return self.board.uid

    @property
    def name(self) -> str:
        """The uid as 16 hexadecimal digits: the board's name in all tables."""
        return f"{self.board.uid:016x}"

    @property
    def board(self) -> Board:
        """The last BOARD message: what the board is."""
        return self._session.board

    @property
    def shape(self) -> tuple[int, int]:
        """D and C of the board's head."""
        return self.board.features, self.board.classes

    @property
    def welcome(self) -> Welcome:
        """The last WELCOME: the answer to HELLO."""
        return self._session.welcome

    @property
    def boot(self) -> int | None:
        """The random number that the board drew when it was switched on; None before the first connection."""
        return self._session.boot

    @property
    def run(self) -> int:
        """The run of the last connection."""
        return self._session.run

    @property
    def stored(self) -> Stored:
        """The last STORED message: the state of the sample store and of the head."""
        return self._session.stored

    @property
    def profile(self) -> LinkProfile:
        """The properties of the link that sizes depend on."""
        return self._session.profile

    @property
    def transport(self) -> Transport:
        """The transport to the board."""
        return self._session.transport

    @property
    def connections(self) -> int:
        """Number of sessions opened so far."""
        return self._session.connections

    @property
    def held(self) -> NDArray[np.float32] | None:
        """The head that the board is believed to hold, float32 [P]; a new host sets what the last one knew."""
        return self._offers.believed

    @held.setter
    def held(self, head: NDArray[np.float32] | None) -> None:
        self._offers.believed = head

    def order_columns(self, order: Sequence[int] = ()) -> None:
        """Say in which order the connected board has the classes of its run, as ``Columns`` takes it."""
        self._offers.turn(Columns(self.shape[0], order))

    @property
    def introduced(self) -> bool:
        """Whether the last connection began by asking which board is there, to know its key."""
        return self._session.introduced

    def watch(self, on_away: Callable[[BytefedError | None], None]) -> None:
        """Let a function know what keeps the board away while it is waited for, and None when it is back."""
        self._session.on_away = on_away

    @property
    def samples_mark(self) -> str:
        """A mark of the inputs given and of the features made of them; a new host sets what the last one knew."""
        return self._samples.mark

    @samples_mark.setter
    def samples_mark(self, mark: str) -> None:
        self._samples.mark = mark

    def take_bytes(self) -> ByteCount:
        """Return what crossed the port since the last call, by cause; LedgerError E_LEDGER if these don't add up."""
        return self._session.link.take_bytes() if self._session.is_used else ByteCount()

    def take_values(self) -> dict[Direction, Counter[int]] | None:
        """Return how many ATT values of each size crossed the port since the last call; None where there are none."""
        if not self._session.is_used or self.transport.framing != "ble":
            return None
        return self._session.link.take_values()

    def lend(self, loan: Loan | None) -> None:
        """Limit what the next operation may take, until ``take_bytes``; None for all that it takes."""
        self._session.lend(loan)

    def unbooked(self) -> tuple[Loads, Load]:
        """Return what crossed the port since ``take_bytes``, and what the board may still answer to what was asked."""
        if not self._session.is_used:
            return Loads(Load(), Load()), Load()
        link = self._session.link
        return link.crossed(), link.allowance.promised

    # ---- Connection and samples

    async def connect(self, run: int) -> None:
        """Open the port, say HELLO for a run, and hear what the board is and holds.

        The run takes effect with the first round or samples: until then the board forgets nothing.

        Raises:
            LinkError: E_PORT_..., E_NO_ANSWER.
            BoardError, ProtocolError: It is no board of ours, or speaks another version.
        """
        await self._session.connect(run)
        self._session.account.said = Said()
        self._session.answered()
        if self.welcome.state == State.READY:
            self._owed.keep(self.welcome.round)

    async def ask(self, kind: Kind, body: bytes, answer: Kind) -> tuple[int, bytes]:
        """Send a request that is no part of a round: sequence number and body of the answer.

        Raises:
            BoardError: The board answered by ERROR.
            LinkError: E_NO_ANSWER, or the link died.
        """
        return await self._session.link.request(kind, body, answer)

    async def refresh(self) -> None:
        """Hear once more what the connected board is and holds: ``board`` and ``stored`` are then as it says."""
        await self._session.refresh()

    async def close(self) -> None:
        """Close the port; `take_bytes` then has all that ever crossed it."""
        await self._session.close()

    def holds(self, samples: Samples) -> bool:
        """Whether the connected board holds just these samples, as far as the host can know."""
        return self._samples.holds(samples)

    async def provision(self, samples: Samples) -> None:
        """Give the board its samples, unless it holds just these.

        Raises:
            BoardError: E_BOARD_STORE_FULL, E_BOARD_BAD_LABEL, ...
            LinkError: The board was lost.
        """
        await self._samples.provision(samples)

    # ---- Rounds

    def plan_round(
        self,
        number: int,
        head: NDArray[np.float32],
        training: TrainingPlan,
        *,
        train: bool = True,
        statistics: bool = True,
        uncounted: bool = False,
    ) -> PlannedRound:
        """Say what a round would ask of the connected board; nothing is sent.

        Args:
            number: Round, 1..65535.
            head: The global head, float32 [P].
            training: How to train.
            train: False for an evaluation alone.
            statistics: Whether the board tells its loss and accuracy, and how well the received head does on its test
                samples.
            uncounted: Whether the last delta that was asked of the board did not count: its residual makes up for it.
                The same for all attempts at a round.
        """
        flags = RoundFlag.TRAIN * train | RoundFlag.STATISTICS * statistics | RoundFlag.UNCOUNTED * uncounted
        stored = self.stored
        offered = self._offers.make(number, head, training.codec_down, stored.head)
        configures = self._session.is_configuration_due(training, trains=train)
        return PlannedRound(number, head, training, flags, offered, configures, (stored.train, stored.test))

    async def train(self, planned: PlannedRound) -> RoundReply:
        """Carry out a planned round, or a planned evaluation; the board keeps its delta until the next.

        Raises:
            BoardError: The board refused, or training diverged.
            LinkError: The board was lost for good.
        """
        self._session.account.said = Said() if planned.configures else Said(*_CONFIGURATION)
        work = Round(self._session, self._offers, planned)
        await self._samples.with_samples(work.advance)
        self._session.answered()
        self._owed.keep(planned.number if planned.trains else 0)
        return work.reply()

    @property
    def owed(self) -> int:
        """The round whose delta the board keeps, since no later one has begun; 0 for none."""
        return self._owed.round

    def owed_before(self, number: int) -> int:
        """The round whose delta the board keeps, or kept, until it begins a round; see ``Owed.before``."""
        return self._owed.before(number)

    async def release(self, *, counted: bool) -> None:
        """Let the board forget the delta that it keeps, once that is on disk and no round is to follow.

        Args:
            counted: Whether the delta counts; False for one that came too late.

        Raises:
            LinkError: The board does not answer. It forgets the delta when its next run begins.
        """
        body = Release(self.owed, counted).pack()
        await self._session.link.request(Kind.RELEASE, body, Kind.RELEASED, tries=_RELEASE_TRIES)
        self._session.answered()
        self._owed.keep(0)
