"""A session with one board: HELLO, who answers it, and back to it after a link loss or a reset, wherever it is then."""

from __future__ import annotations

import logging
import random
from collections.abc import Awaitable, Callable, Container
from dataclasses import replace

from bytefed.device.absence import OnAway, absence_told
from bytefed.device.allowance import Loan
from bytefed.device.link import Link
from bytefed.device.opening import Opener, version_error
from bytefed.device.plan import TrainingPlan
from bytefed.device.refusals import other_board
from bytefed.errors import BoardError, BytefedError, LinkError, ProtocolError
from bytefed.keys import KeyRing
from bytefed.ledger.account import Account, Role
from bytefed.ledger.wire_size import LinkProfile
from bytefed.protocol.message import (
    MAX_WINDOW,
    MIN_FRAME,
    PROTOCOL_VERSION,
    Board,
    Capability,
    Config,
    Kind,
    Noise,
    Noised,
    Release,
    Stored,
    Welcome,
)
from bytefed.transport.base import Transport, has_wandered, is_strange, look_elsewhere, settle

_LOG = logging.getLogger(__name__)

_HELLOS = 3  # before the port is opened anew
_HELLO_TRIES = 6  # the first of them wait long: nothing was measured yet
_REOPENINGS = 3  # before the board is given up
_STRANGE_TRIES = 2  # before a port is left behind which the board may be
_FORGOTTEN = 0.9  # of the longest work, in each later round
RETRYABLE = (
    "E_BOARD_NO_SESSION",
    "E_BOARD_NO_CONFIG",
    "E_BOARD_NOT_RECEIVED",
    "E_BOARD_BUSY",
    "E_BOARD_STALE_ROUND",
    "E_BOARD_BAD_CRC",
    "E_SHORT_MESSAGE",
)
"""Errors worth another try: a reset, an old frame that is late, a stranger's round, or damage that a CRC-16 missed."""
_NOT_AS_SPECIFIED = "The firmware does not follow SPEC.md; flash the version that fits this host."
_FATAL = ("E_OTHER_BOARD", "E_VERSION", "E_MTU_SMALL", "E_BOARD_UNPAIRED", "E_BUDGET_SPENT")
"""Errors that another HELLO can't mend."""


class Session:
    """The sessions with one board, one after the other over the same transport.

    Attributes:
        transport: The way to the board.
        run: The run of HELLO.
        boot: The boot id of the last WELCOME; None before the first.
        connections: How many sessions were opened.
        profile: The link's properties, once connected.
        welcome, board, stored: The board's answer to HELLO, likewise.
        configured: The CONFIG that the board has in this session; None for none yet.
        noise: The NOISE that it has in this session, likewise.
        budget: The board's last answer about its privacy budget; None if it has not been asked.
        noisy_rounds: The rounds with noise that it has brought since.
        round_is_void: Whether the board is to forget its round after the next HELLO.
        work_seconds: How long the board's work in a round may take; 0 for not known yet.
        on_away: Is told what keeps a board away that is waited for, and None when it is back.
    """

    profile: LinkProfile
    welcome: Welcome
    board: Board
    stored: Stored

    def __init__(self, transport: Transport, rng: random.Random, ring: KeyRing | None = None) -> None:
        self.transport = transport
        self._opener = Opener(transport, rng, ring)
        self.run = 0
        self.boot: int | None = None
        self.connections = 0
        self.configured: Config | None = None
        self.noise: Noise | None = None
        self.budget: Noised | None = None
        self.noisy_rounds = 0
        self.round_is_void = False
        self.work_seconds = 0.0
        self.on_away: OnAway = lambda _trouble: None
        self._rng = rng
        self._link: Link | None = None

    @property
    def uri(self) -> str:
        """The URI that a user would type to reach the board."""
        return self.transport.uri

    @property
    def link(self) -> Link:
        """The frames that go over the transport.

        Raises:
            LinkError: E_LINK_LOST when there was no ``connect``.
        """
        if self._link is None:
            raise LinkError("E_LINK_LOST", f"{self.uri} is not connected", "Connect first.")
        return self._link

    @property
    def introduced(self) -> bool:
        """Whether the last session began by asking which board is there."""
        return self._opener.introduced

    @property
    def is_used(self) -> bool:
        """Whether anything can have crossed the port."""
        return self._link is not None

    @property
    def account(self) -> Account:
        """Where the bytes of the link are put down."""
        return self.link.account

    # ---- Opening and closing

    async def connect(self, run: int) -> None:
        """Open the port, say HELLO for a run, and hear what the board is and holds.

        Raises:
            LinkError: E_PORT_..., E_NO_ANSWER, E_BOARD_TAKEN.
            BoardError, ProtocolError: It is no board of ours, or speaks another version.
        """
        self.run = run
        self._used()
        await self._reach(reopen=True, tries=1)

    async def refresh(self) -> None:
        """Ask the board once more what it is and holds: its labels or its samples have changed."""
        _, body = await self.link.request(Kind.INFO, b"", Kind.BOARD)
        self.board = Board.unpack(body)
        _, body = await self.link.request(Kind.STORE, b"", Kind.STORED)
        self.stored = Stored.unpack(body)

    def _used(self) -> Link:
        """Return the frames that go over the transport, from before it is opened first."""
        if self._link is None:
            self._link = Link(self.transport, self._rng)
        return self._link

    def lend(self, loan: Loan | None) -> None:
        """Limit what may cross the port; see ``Allowance.lend``."""
        self._used().allowance.lend(loan)

    async def close(self) -> None:
        """Close the port; the account then has all that ever crossed it."""
        await self.transport.close()
        if self._link is not None:
            self._link.abandon_input()

    async def _reach(self, *, reopen: bool, tries: int) -> None:
        """Say HELLO to the board, behind whatever port it is now.

        Args:
            reopen: Whether to open the port anew.
            tries: How often it may fail to answer.

        Raises:
            LinkError, BoardError, ProtocolError: The error of the last try; E_PORT_... if no port is left to search.
        """
        while True:
            if reopen:
                await self._reopen()
            reopen = True
            try:
                await self._hello()
                return
            except (LinkError, BoardError, ProtocolError) as error:
                if has_wandered(self.transport) or error.code == "E_OTHER_BOARD":
                    if look_elsewhere(self.transport):
                        continue
                    raise
                tries -= 1
                if tries == 0 or not isinstance(error, LinkError):
                    raise

    async def _reopen(self) -> None:
        await self.transport.close()
        self.link.abandon_input()
        await self.transport.open()
        _LOG.debug("%s: its port is open", self.uri)

    async def _hello(self) -> None:
        """Open a session; once more when the board is reset just then, or an old ERROR has the new request's number."""
        for attempt in range(_HELLOS):
            try:
                await self._greet()
                return
            except (BoardError, ProtocolError) as error:
                if error.code in _FATAL or attempt == _HELLOS - 1:
                    raise

    async def _greet(self) -> None:
        link = self.link
        opened = await self._opener.open(link, self.run, self._hello_tries())
        body = opened.inside
        self._take_welcome(opened.welcome, sealed=opened.key is not None)
        if not self.profile.opens_at_once:
            _, body = await link.request(Kind.INFO, b"", Kind.BOARD, name="connect")
        board = Board.unpack(body)
        self._opener.admit(board.uid, opened)
        if self.connections and board.uid != self.board.uid:
            raise other_board(self.uri, board.uid, self.board.uid)
        self.board = board
        link.timers.expect(saving=bool(board.capabilities & Capability.PERSISTENT))
        body = body[Board.size() :]
        if not self.profile.opens_at_once:
            _, body = await link.request(Kind.STORE, b"", Kind.STORED, name="connect")
        self.stored = Stored.unpack(body)
        self.configured = self.noise = None
        self.connections += 1
        settle(self.transport)
        if self.round_is_void:
            await self._forget_round()

    def _hello_tries(self) -> int:
        return _STRANGE_TRIES if self.connections and is_strange(self.transport) else _HELLO_TRIES

    def is_configuration_due(self, training: TrainingPlan, *, trains: bool) -> bool:
        """Return whether a round has to bring a CONFIG; without training, any of this session will do."""
        if not trains:
            return self.configured is None
        return training.message() != self.configured or training.noise != self.noise

    async def make_noise(self, noise: Noise | None) -> None:
        """Tell the board the noise of the rounds that follow, and hear of its privacy budget."""
        if noise is None:
            return
        _, told = await self.link.request(Kind.NOISE, noise.pack(), Kind.NOISED, name="round")
        self.noise, self.budget, self.noisy_rounds = noise, Noised.unpack(told), 0

    def worked(self, seconds: float) -> None:
        """Note how long the board's last work took; it is forgotten slowly, so that one quick round says little."""
        self.work_seconds = max(seconds, _FORGOTTEN * self.work_seconds)

    def answered(self) -> None:
        """Note that the board has answered all that it was asked."""
        self.link.allowance.answered(self.link.crossed().up)

    async def _forget_round(self) -> None:
        """Have the board forget the round of its run."""
        await self.link.request(Kind.RELEASE, Release(0, 0).pack(), Kind.RELEASED, role=Role.RETRANSMISSION)
        self.round_is_void = False
        without = self.board.capabilities & ~Capability.MASKED  # its masks went with the round
        self.board = replace(self.board, capabilities=without)

    def _take_welcome(self, welcome: Welcome, *, sealed: bool) -> None:
        _check_welcome(self.uri, welcome, self.transport.frame_limit)
        self.welcome = welcome
        self.boot = welcome.boot
        framing = self.transport.framing
        name = self.uri.partition(":")[0]
        self.profile = LinkProfile(
            name, welcome.frame_limit, welcome.window, MAX_WINDOW, framing, sealed=sealed
        )

    # ---- Recovery

    async def with_recovery(
        self, action: Callable[[], Awaitable[None]], retryable: Container[str] = RETRYABLE
    ) -> None:
        """Do something that can be begun again; after a link loss or a reset, say HELLO and begin it again.

        Args:
            action: What to do.
            retryable: Codes of the errors, besides every LinkError, after which to begin again.

        Raises:
            BoardError, LinkError, ProtocolError: It failed for good.
        """
        failures = 0
        while True:
            try:
                await action()
                return
            except (LinkError, BoardError, ProtocolError) as error:
                failures += 1
                passes = isinstance(error, LinkError) or error.code in retryable
                if not passes or failures > _HELLOS * _REOPENINGS:
                    raise
                lost = error.code == "E_LINK_LOST" or failures % _HELLOS == 0
                trouble = error
            _LOG.debug("%s: begins again after %s", self.uri, trouble)
            self.account.recovering = True
            try:
                await self._recover(trouble, reopen=lost)
            finally:
                self.account.recovering = False

    async def _recover(self, trouble: BytefedError, *, reopen: bool) -> None:
        """Come back to the board."""
        async with absence_told(self.transport, trouble, self.on_away):
            await self._reach(reopen=reopen, tries=_REOPENINGS)


def _check_welcome(uri: str, welcome: Welcome, frame_limit: int) -> None:
    """Refuse a WELCOME that no board of this protocol says.

    Raises:
        ProtocolError: E_VERSION, E_WELCOME.
    """
    if welcome.version != PROTOCOL_VERSION:
        raise version_error(uri, f"protocol version {welcome.version}")
    if not MIN_FRAME <= welcome.frame_limit <= frame_limit:
        raise ProtocolError(
            "E_WELCOME", f"{uri}: a frame limit of {welcome.frame_limit} bytes", _NOT_AS_SPECIFIED
        )
    if not 1 <= welcome.window <= MAX_WINDOW:
        raise ProtocolError("E_WELCOME", f"{uri}: a window of {welcome.window} chunks", _NOT_AS_SPECIFIED)
