"""Gives a board the key that it will share with this host: by cable, and so that no interruption loses a key."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Literal

from bytefed.device.link import Link
from bytefed.device.opening import Opened, Opener
from bytefed.device.refusals import LockedError
from bytefed.errors import BoardError, ConfigError, ProtocolError
from bytefed.keys import BoardKey, KeyFile, KeyRing, key_check
from bytefed.keys.shared import today
from bytefed.protocol.message import VISIT, Board, Kind, Pair, Paired, PairFlag, Stored
from bytefed.seal import draw_key
from bytefed.transport.base import Transport

_TRIES = 6
_KEEPS_ITS_KEY = ("E_BOARD_LOCKED", "E_BOARD_NO_ENTROPY")
_AGAIN = "Give the same command again. The key before and the new one are both kept, whichever of them the board has."
_HAS = Literal["no key", "a known key", "an unknown key"]


@dataclass(frozen=True)
class Met:
    """A board that may get a key.

    Attributes:
        uid: The board's identity.
        has: The key that it has.
        finished: Whether it turned out to have the key that it was to get when an earlier pairing was interrupted.
        stored: The samples and the head that it holds; None where only its key would tell.
    """

    uid: int
    has: _HAS
    finished: bool = False
    stored: Stored | None = None


def refuse_radio(framing: str, uri: str) -> None:
    """Make sure that a board is on a cable: a key that is sent through the air would be anybody's.

    Raises:
        ConfigError: E_PAIR_CABLE.
    """
    if framing != "serial":
        raise ConfigError(
            "E_PAIR_CABLE",
            f"{uri} is reached by radio, and a new key that is sent through the air is anybody's.",
            "Plug the board in, and name its port: `bytefed pair serial:auto`.",
        )


class Pairing:
    """The pairing of one board: ``meet`` it, then ``give`` it a key, and ``close``.

    The new key is in the file, as pending, before the board hears of it; once the board has proved that it has it, the
    key takes the place of the old one. Whatever ends this in between, the board has one of the two, and connections try
    both.

    Args:
        transport: The cable.
        file: Where keys are kept.

    Raises:
        ConfigError: E_PAIR_CABLE.
        StoreError: E_KEYS_OPEN, E_KEYS_DAMAGED, E_KEYS_FILE.
    """

    def __init__(self, transport: Transport, file: KeyFile) -> None:
        refuse_radio(transport.framing, transport.uri)
        rng = random.Random()
        self._transport = transport
        self._file = file
        self._ring = KeyRing(file, open_links=True)
        self._link = Link(transport, rng)
        self._opener = Opener(transport, rng, self._ring)
        self._met: Met | None = None

    async def meet(self) -> Met:
        """Open the port and look who is there; nothing changes on the board.

        Raises:
            LinkError, ProtocolError, BoardError: It can't be reached or understood.
        """
        await self._transport.open()
        try:
            opened = await self._opener.open(self._link, VISIT, _TRIES)
        except LockedError as error:
            if error.uid is None:
                raise
            self._met = Met(error.uid, "an unknown key")
            return self._met
        board, stored = await self._about(opened)
        if opened.key is None:
            self._met = Met(board.uid, "no key", stored=stored)
        else:
            entry = self._ring.entry(board.uid)
            finished = entry is not None and opened.key == entry.pending
            self._opener.admit(board.uid, opened)
            self._met = Met(board.uid, "a known key", finished, stored)
        return self._met

    async def _about(self, opened: Opened) -> tuple[Board, Stored]:
        body = opened.inside
        if not body:
            _, body = await self._link.request(Kind.INFO, b"", Kind.BOARD)
        board, body = Board.unpack(body), body[Board.size() :]
        if not body:
            _, body = await self._link.request(Kind.STORE, b"", Kind.STORED)
        return board, Stored.unpack(body)

    async def give(self, *, name: str = "", erase: bool = False) -> None:
        """Give the board that was met a new key.

        Args:
            name: The user's name for the board; "" to keep the one it has.
            erase: Whether the board forgets samples, head, residual and delta first; without that a board takes no key
                in place of one that is not known.

        Raises:
            LockedError: E_BOARD_LOCKED: it has a key that is not known.
            BoardError: It refused. Where it has certainly kept its key, the file says what it said before; else it has
                both keys.
            LinkError: It was lost; the file has both keys.
            ProtocolError: E_PAIR_CHECK: the answer is not that of a board that has taken the key.
            StoreError: E_KEYS_FILE: the key can't be written. Either it was not sent, or the file has both keys.
        """
        met = self._met
        if met is None:
            raise RuntimeError("meet comes first")
        if met.has == "an unknown key" and not erase:
            raise LockedError(self._transport.uri, met.uid)
        key = draw_key()
        before = self._change(replace(self._entry(met.uid), pending=key))
        request = Pair(PairFlag.ERASE if erase else 0).pack() + key
        try:
            _, body = await self._link.request(Kind.PAIR, request, Kind.PAIRED)
        except BoardError as error:
            if error.code in _KEEPS_ITS_KEY:
                self._restore(met.uid, before)
                raise
            # After any other answer only its flash knows which key it has.
            raise BoardError(error.code, error.message, _AGAIN) from error
        _check_paired(self._transport.uri, body, met.uid, key)
        entry = self._entry(met.uid)
        self._change(BoardKey(met.uid, key, None, name or entry.name, today(), self._transport.uri))
        self._ring.met(met.uid, self._transport.uri, key)  # so no other board is looked for there

    def _entry(self, uid: int) -> BoardKey:
        return self._file.read().get(uid) or BoardKey(uid)

    def _change(self, entry: BoardKey) -> BoardKey | None:
        """Put a board's key into the file; return what was there before."""
        with self._file.changing() as entries:
            before = entries.get(entry.uid)
            entries[entry.uid] = entry
        return before

    def _restore(self, uid: int, before: BoardKey | None) -> None:
        with self._file.changing() as entries:
            entries.pop(uid, None)
            if before is not None:
                entries[uid] = before

    def call(self, name: str) -> None:
        """Give the board that was met a name, and no new key."""
        if self._met is not None and name:
            self._change(replace(self._entry(self._met.uid), name=name))

    async def close(self) -> None:
        """Close the port."""
        await self._transport.close()


async def give_own_key(transport: Transport) -> bytes:
    """Give a board that this process has started, and nobody else has met, a key that no file ever holds.

    Args:
        transport: The cable to the board, closed; it is closed again afterwards.

    Returns:
        The key.

    Raises:
        LinkError, BoardError: The board can't be reached, or refused.
        ProtocolError: E_PAIR_CHECK.
    """
    key, rng = draw_key(), random.Random()
    link = Link(transport, rng)
    await transport.open()
    try:
        opened = await Opener(transport, rng, None).open(link, VISIT, _TRIES)
        board = Board.unpack(opened.inside)
        _, body = await link.request(Kind.PAIR, Pair(0).pack() + key, Kind.PAIRED)
        _check_paired(transport.uri, body, board.uid, key)
    finally:
        await transport.close()
    return key


def _check_paired(uri: str, body: bytes, uid: int, key: bytes) -> None:
    """Make sure that a board's answer proves that it has taken a key."""
    paired = Paired.unpack(body)
    if (paired.uid, paired.check) != (uid, key_check(key)):
        raise ProtocolError(
            "E_PAIR_CHECK",
            f"{uri}: the answer does not prove that board {uid:016x} has taken the key.",
            "Try it again by a cable that goes straight to the board: `bytefed pair BOARD`.",
        )
