"""The planned bytes of one operation of one board, computed before it begins and outside the device that does it.

The device counts what crosses its port and never sees these figures; the ledger has both side by side. On a link
that loses nothing they are equal.
"""

from __future__ import annotations

from bytefed.ledger.count import ByteCount
from bytefed.ledger.wire_size import (
    LinkProfile,
    configuration_bytes,
    connection_bytes,
    provision_bytes,
    round_bytes,
)


def planned_connection(profile: LinkProfile, *, claims: bool = False) -> ByteCount:
    """Return the bytes of opening a session.

    Args:
        profile: Profile of the link.
        claims: Whether the board is visited first and does not know the run yet, so that a second HELLO is needed.
    """
    return connection_bytes(profile, claims=claims)


def planned_provision(
    profile: LinkProfile, record_size: int, train: int, test: int, buffer: int, *, held: bool
) -> ByteCount:
    """Return what it costs to give a board its samples.

    Args:
        profile: Profile of the link.
        record_size: Bytes of a sample on the link: its label and its values.
        train: Training samples.
        test: Test samples.
        buffer: Bytes that the board takes in one ADD.
        held: Whether the board holds exactly these samples already.
    """
    return ByteCount() if held else provision_bytes(profile, record_size, train, test, buffer)


def planned_round(
    profile: LinkProfile,
    shape: tuple[int, int],
    codecs: tuple[str, str],
    *,
    train: bool = True,
    configures: bool = False,
) -> ByteCount:
    """Return what a round, or an evaluation alone, costs one board.

    Args:
        profile: Profile of the link.
        shape: D and C of the head.
        codecs: Codec of the blob that is offered first, which depends on the head that the board holds; and codec of
            the delta.
        train: False for an evaluation alone.
        configures: Whether the round begins with a CONFIG.
    """
    count = round_bytes(profile, *shape, *codecs, train=train)
    return count + configuration_bytes(profile) if configures else count
