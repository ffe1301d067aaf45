"""Opens a session with the board behind a transport: sealed where host and board share a key."""

from __future__ import annotations

import random
from typing import NamedTuple

from bytefed.device.link import Link
from bytefed.device.refusals import LockedError, lost_key, other_board, taken_told, unpaired
from bytefed.errors import BoardError, ProtocolError
from bytefed.keys import KeyRing
from bytefed.ledger.account import Part
from bytefed.ledger.wire_size import MIN_SEALED_FRAME, MIN_SEALED_MTU
from bytefed.protocol.message import (
    PROTOCOL_VERSION,
    VISIT,
    Board,
    Greet,
    Hello,
    Kind,
    Welcome,
    Welcomed,
)
from bytefed.transport.base import Transport, key_of

_OTHER_VERSION = ("E_BOARD_BAD_VERSION", "E_BOARD_BAD_LENGTH", "E_BOARD_UNKNOWN_KIND")
"""Answers to HELLO and GREET from firmware of another version. Firmware of version 1 finds this HELLO too short, and
knows no GREET."""


class Opened(NamedTuple):
    """A session that a board has opened, but that is not checked yet.

    Attributes:
        welcome: The board's answer.
        inside: Bytes of the messages that came inside it.
        key: The key that opened it; None for a session in the clear.
        uid: The board that should have this key, by the file of keys; None where that is not known.
    """

    welcome: Welcome
    inside: bytes
    key: bytes | None = None
    uid: int | None = None


class Opener:
    """The one who opens the sessions with one board, one after the other.

    Args:
        transport: The way to the board. A key that it has itself is that of its board.
        rng: Source of nonces.
        ring: Where other keys are looked up; None to use none, as for boards that bytefed has started.

    Attributes:
        introduced: Whether the last session began by asking which board is there.
    """

    def __init__(self, transport: Transport, rng: random.Random, ring: KeyRing | None) -> None:
        self.introduced = False
        self._transport = transport
        self._rng = rng
        self._ring = ring
        self._uid: int | None = None  # of the board that was here before, by its key
        self._welcomed = False  # whether it has opened a sealed session before

    async def open(self, link: Link, run: int, tries: int) -> Opened:
        """Open a session.

        Args:
            link: The frames that go over the transport.
            run: The run's number.
            tries: How often to ask.

        Raises:
            BoardError: E_BOARD_LOCKED if the board has a key that is not known; E_BOARD_UNPAIRED if one that should
                have a key has none; E_MTU_SMALL.
            LinkError: E_NO_ANSWER, E_BOARD_TAKEN, or the link died.
            ProtocolError: E_VERSION.
        """
        self.introduced = False
        key = key_of(self._transport)
        if key is not None:
            return await self._greet(link, run, tries, key)
        if self._ring is None:
            return await self._say_hello(link, run, tries)
        uid = self._ring.uid_at(self._transport.uri) if self._uid is None else self._uid
        if uid is not None:
            found = await self._greet_expected(self._ring, link, run, tries, uid)
            if found is not None:
                return found
        try:
            return await self._say_hello(link, run, tries)
        except LockedError as error:
            if error.uid is None:
                raise
            self.introduced = True
            return await self._greet_board(self._ring, link, run, tries, error.uid)

    def admit(self, uid: int, opened: Opened) -> None:
        """Make sure that a board may be used that has said its uid in a session.

        Raises:
            BoardError: E_BOARD_UNPAIRED if it has no key; E_OTHER_BOARD if it has that of another board.
        """
        if self._ring is None:
            return
        uri = self._transport.uri
        if opened.key is None:
            entry = self._ring.entry(uid)
            if entry is not None and entry.key is not None:
                raise lost_key(uri, uid)
            if not self._ring.open_links:
                raise unpaired(uri, uid)
        elif opened.uid not in (None, uid):
            raise BoardError(
                "E_OTHER_BOARD",
                f"{uri}: board {uid:016x} has the key of board {opened.uid:016x}.",
                "A key belongs to one board: pair this one anew by cable, `bytefed pair BOARD`.",
            )
        else:
            self._uid = uid
            self._ring.met(uid, uri, opened.key)

    async def _greet_expected(
        self, ring: KeyRing, link: Link, run: int, tries: int, uid: int
    ) -> Opened | None:
        """Greet the board that was here last; None if another may be here, of which nothing is known yet."""
        try:
            return await self._greet_board(ring, link, run, tries, uid)
        except LockedError as error:
            if error.uid in (None, uid):
                raise
            if self._uid is not None:
                raise other_board(self._transport.uri, error.uid, uid) from error
            return await self._greet_board(ring, link, run, tries, error.uid)
        except BoardError as error:
            if error.code != "E_BOARD_UNPAIRED":
                raise
            if self._uid is not None:
                raise await self._without_key(link, tries, uid) from error
            return None

    async def _without_key(self, link: Link, tries: int, uid: int) -> BoardError:
        """Ask a board without a key in the place of one that has one who it is, and return what is amiss."""
        opened = await self._say_hello(link, VISIT, tries)
        body = opened.inside
        if not body:
            _, body = await link.request(Kind.INFO, b"", Kind.BOARD)
        there = Board.unpack(body).uid
        uri = self._transport.uri
        return lost_key(uri, uid) if there == uid else other_board(uri, there, uid)

    async def _greet_board(self, ring: KeyRing, link: Link, run: int, tries: int, uid: int) -> Opened:
        """Greet a board by each of the keys that it may have."""
        entry = ring.entry(uid)
        refused = LockedError(self._transport.uri, uid)
        for key in entry.keys if entry else ():
            try:
                return (await self._greet(link, run, tries, key))._replace(uid=uid)
            except LockedError as error:
                refused = error
        raise refused

    async def _greet(self, link: Link, run: int, tries: int, key: bytes) -> Opened:
        uri, frame_limit = self._transport.uri, self._transport.frame_limit
        _check_room(uri, frame_limit)
        greet = Greet(PROTOCOL_VERSION, PROTOCOL_VERSION, run, frame_limit)
        try:
            with taken_told(uri):
                body = await link.greet(
                    key, greet.pack(), tries=tries, name="connect", believes=not self._welcomed
                )
        except BoardError as error:
            _tell_of_version(uri, error)
            raise
        self._welcomed = True
        told = Welcomed.unpack(body)
        welcome = Welcome(told.version, told.state, told.boot, told.round, 0, told.frame_limit, told.window)
        return Opened(welcome, body[Welcomed.size() :], key)

    async def _say_hello(self, link: Link, run: int, tries: int) -> Opened:
        nonce = self._rng.getrandbits(16)
        uri = self._transport.uri
        hello = Hello(PROTOCOL_VERSION, PROTOCOL_VERSION, run, nonce, self._transport.frame_limit)

        def fits(body: bytes) -> bool:
            return len(body) < Welcome.size() or Welcome.unpack(body).nonce == nonce

        locked = None if self._ring is None else Part((Kind.ERROR, "connect"))
        link.channel = None
        try:
            with taken_told(uri):
                _, body = await link.request(
                    Kind.HELLO, hello.pack(), Kind.WELCOME,
                    tries=tries, fits=fits, name="connect", locked=locked,
                )  # fmt: skip
        except BoardError as error:
            _tell_of_version(uri, error)
            raise
        return Opened(Welcome.unpack(body), body[Welcome.size() :])


def _tell_of_version(uri: str, error: BoardError) -> None:
    """Raise E_VERSION if an answer to HELLO or GREET is that of another version."""
    if error.code in _OTHER_VERSION:
        raise version_error(uri, "another protocol version") from error


def version_error(uri: str, what: str) -> ProtocolError:
    """Return the error for a board that speaks another version."""
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
