"""A session with one board: HELLO, who answers it, and back to it after a link loss or a reset, wherever it is then."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Container

from bytefed.device.absence import OnAway, absence_told
from bytefed.device.link import Link
from bytefed.device.refusals import taken_told
from bytefed.errors import BoardError, BytefedError, LinkError, ProtocolError
from bytefed.ledger.account import Account, Role
from bytefed.ledger.wire_size import MIN_SEALED_FRAME, MIN_SEALED_MTU, LinkProfile
from bytefed.protocol.message import (
    MAX_WINDOW,
    MIN_FRAME,
    PROTOCOL_VERSION,
    Board,
    Capability,
    Config,
    Greet,
    Hello,
    Kind,
    Release,
    Stored,
    Welcome,
    Welcomed,
)
from bytefed.transport.base import Transport, has_wandered, is_strange, key_of, look_elsewhere, settle

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
_FATAL = ("E_OTHER_BOARD", "E_VERSION", "E_MTU_SMALL")
"""Errors that another HELLO can't mend."""
_OTHER_VERSION = ("E_BOARD_BAD_VERSION", "E_BOARD_BAD_LENGTH")
"""Answers to HELLO of firmware that speaks another version: to that of version 1, this HELLO is too short."""


class Session:
    """The sessions with one board, one after the other over the same transport.

    Attributes:
        transport: The way to the board.
        run: The run of HELLO.
        boot: The boot id of the last WELCOME; None before the first.
        connections: How many sessions were opened.
        profile, welcome, board, stored: What the link is like and what the board said, once connected.
        configured: The CONFIG that the board has in this session; None for none yet.
        round_is_void: Whether the board is to forget its round after the next HELLO.
        work_seconds: How long the board's work in a round may take; 0 for not known yet.
        on_away: Is told what keeps a board away that is waited for, and None when it is back.
    """

    profile: LinkProfile
    welcome: Welcome
    board: Board
    stored: Stored

    def __init__(self, transport: Transport, rng: random.Random) -> None:
        self.transport = transport
        self.run = 0
        self.boot: int | None = None
        self.connections = 0
        self.configured: Config | None = None
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
        if self._link is None:
            self._link = Link(self.transport, self._rng)
        await self._reach(reopen=True, tries=1)

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
        key = key_of(self.transport)
        if key is None:
            body = await self._say_hello()
            welcome, body = Welcome.unpack(body), body[Welcome.size() :]
        else:
            body = await self._say_greet(key)
            told, body = Welcomed.unpack(body), body[Welcomed.size() :]
            welcome = Welcome(
                told.version, told.state, told.boot, told.round, 0, told.frame_limit, told.window
            )
        self._take_welcome(welcome, sealed=key is not None)
        if not self.profile.opens_at_once:
            _, body = await link.request(Kind.INFO, b"", Kind.BOARD, name="connect")
        board = Board.unpack(body)
        self._recognize(board)
        self.board = board
        link.timers.expect(saving=bool(board.capabilities & Capability.PERSISTENT))
        body = body[Board.size() :]
        if not self.profile.opens_at_once:
            _, body = await link.request(Kind.STORE, b"", Kind.STORED, name="connect")
        self.stored = Stored.unpack(body)
        self.configured = None
        self.connections += 1
        settle(self.transport)
        if self.round_is_void:
            await self._forget_round()

    async def _say_greet(self, key: bytes) -> bytes:
        """Open a sealed session for the run; the fields of WELCOMED, with all that is inside."""
        _check_room(self.uri, self.transport.frame_limit)
        greet = Greet(PROTOCOL_VERSION, PROTOCOL_VERSION, self.run, self.transport.frame_limit)
        try:
            with taken_told(self.uri):
                return await self.link.greet(key, greet.pack(), tries=self._hello_tries(), name="connect")
        except BoardError as error:
            if error.code in _OTHER_VERSION:
                raise _version_error(self.uri, "another protocol version") from error
            raise

    def _hello_tries(self) -> int:
        return _STRANGE_TRIES if self.connections and is_strange(self.transport) else _HELLO_TRIES

    async def _say_hello(self) -> bytes:
        """Say HELLO for the run; the body of WELCOME, with all that is inside."""
        nonce = self._rng.getrandbits(16)
        hello = Hello(PROTOCOL_VERSION, PROTOCOL_VERSION, self.run, nonce, self.transport.frame_limit)

        def fits(body: bytes) -> bool:
            return len(body) < Welcome.size() or Welcome.unpack(body).nonce == nonce

        tries = self._hello_tries()
        try:
            with taken_told(self.uri):
                _, body = await self.link.request(
                    Kind.HELLO, hello.pack(), Kind.WELCOME, tries=tries, fits=fits, name="connect"
                )
        except BoardError as error:
            if error.code in _OTHER_VERSION:
                raise _version_error(self.uri, "another protocol version") from error
            raise
        return body

    def is_configuration_due(self, config: Config, *, trains: bool) -> bool:
        """Return whether a round has to bring a CONFIG; without training, any of this session will do."""
        return config != self.configured if trains else self.configured is None

    def worked(self, seconds: float) -> None:
        """Note how long the board's last work took; it is forgotten slowly, so that one quick round says little."""
        self.work_seconds = max(seconds, _FORGOTTEN * self.work_seconds)

    async def _forget_round(self) -> None:
        """Have the board forget the round of its run."""
        await self.link.request(Kind.RELEASE, Release(0, 0).pack(), Kind.RELEASED, role=Role.RETRANSMISSION)
        self.round_is_void = False

    def _take_welcome(self, welcome: Welcome, *, sealed: bool) -> None:
        _check_welcome(self.uri, welcome, self.transport.frame_limit)
        self.welcome = welcome
        self.boot = welcome.boot
        framing = self.transport.framing
        name = self.uri.partition(":")[0]
        self.profile = LinkProfile(
            name, welcome.frame_limit, welcome.window, MAX_WINDOW, framing, sealed=sealed
        )

    def _recognize(self, board: Board) -> None:
        if self.connections and board.uid != self.board.uid:
            raise BoardError(
                "E_OTHER_BOARD",
                f"{self.uri}: board {board.uid:016x} answers where {self.board.uid:016x} was",
                "Don't swap boards during a run; go on with it: `bytefed run --resume DIR`.",
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
            self.account.recovering = True
            try:
                await self._recover(trouble, reopen=lost)
            finally:
                self.account.recovering = False

    async def _recover(self, trouble: BytefedError, *, reopen: bool) -> None:
        """Come back to the board."""
        async with absence_told(self.transport, trouble, self.on_away):
            await self._reach(reopen=reopen, tries=_REOPENINGS)


def _version_error(uri: str, what: str) -> ProtocolError:
    return ProtocolError(
        "E_VERSION",
        f"{uri}: the board speaks {what}, this host version {PROTOCOL_VERSION}",
        "Flash the firmware that fits this host: `pio run -e ENV -t upload`; or install the host that fits the board.",
    )


def _check_room(uri: str, frame_limit: int) -> None:
    """Refuse a link whose frames are too short for a handshake.

    Raises:
        BoardError: E_MTU_SMALL.
    """
    if frame_limit < MIN_SEALED_FRAME:
        raise BoardError(
            "E_MTU_SMALL",
            f"{uri}: frames of {frame_limit} bytes have no room for the handshake of a sealed link, which takes"
            f" {MIN_SEALED_FRAME} (an ATT MTU of {MIN_SEALED_MTU})",
            "Use a Bluetooth adapter that agrees on a larger MTU, or the board's cable.",
        )


def _check_welcome(uri: str, welcome: Welcome, frame_limit: int) -> None:
    """Refuse a WELCOME that no board of this protocol says.

    Raises:
        ProtocolError: E_VERSION, E_WELCOME.
    """
    if welcome.version != PROTOCOL_VERSION:
        raise _version_error(uri, f"protocol version {welcome.version}")
    if not MIN_FRAME <= welcome.frame_limit <= frame_limit:
        raise ProtocolError(
            "E_WELCOME", f"{uri}: a frame limit of {welcome.frame_limit} bytes", _NOT_AS_SPECIFIED
        )
    if not 1 <= welcome.window <= MAX_WINDOW:
        raise ProtocolError("E_WELCOME", f"{uri}: a window of {welcome.window} chunks", _NOT_AS_SPECIFIED)
