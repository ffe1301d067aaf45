"""The planned bytes of one operation of one board, computed before it begins and outside the device that does it.

The device counts what crosses its port and never sees these figures; the ledger has both side by side. On a link
that loses nothing they are equal.
"""

from __future__ import annotations

from collections.abc import Sequence

from bytefed.ledger.count import ByteCount
from bytefed.ledger.wire_size import (
    LinkProfile,
    about_bytes,
    blobs_bytes,
    connection_bytes,
    first_contact_bytes,
    labels_bytes,
    mask_bytes,
    peers_bytes,
    provision_bytes,
    release_bytes,
    unmask_bytes,
    watch_bytes,
)


def planned_connection(profile: LinkProfile, *, first_contact: bool = False) -> ByteCount:
    """Return the bytes of opening a session on that link.

    Args:
        profile: Profile of the link.
        first_contact: Whether the host has to ask which board is there, to know its key.
    """
    count = connection_bytes(profile)
    return count + first_contact_bytes(profile) if first_contact else count


def planned_labels(profile: LinkProfile, told: Sequence[str], given: Sequence[str]) -> ByteCount:
    """Return what it costs to ask a board for its labels, and to give it others.

    Args:
        profile: Profile of the link.
        told: The names that it tells.
        given: The names that it is given.
    """
    sizes = [tuple(len(name.encode()) for name in names) for names in (told, given)]
    return labels_bytes(profile, sizes[0], sizes[1])


def planned_opening(profile: LinkProfile, told: Sequence[str], *, first_contact: bool = False) -> ByteCount:
    """Return what a watch costs before it begins: connecting, the labels, and a question by which the link is timed.

    Args:
        profile: Profile of the link.
        told: The names of the board's labels.
        first_contact: Whether the host has to ask which board is there, to know its key.
    """
    connected = planned_connection(profile, first_contact=first_contact)
    return connected + planned_labels(profile, told, ()) + about_bytes(profile)


def planned_watch(profile: LinkProfile, windows: int, *, unanswered: int = 1, stops: int = 1) -> ByteCount:
    """Return what watching a board costs, for so many windows.

    Args:
        profile: Profile of the link.
        windows: Windows that the board tells of.
        unanswered: Questions that are given up before there is another window.
        stops: Requests to stop that the board answers.
    """
    return about_bytes(profile) + watch_bytes(profile, windows, unanswered=unanswered, stops=stops)


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
    blobs: tuple[int, int],
    *,
    statistics: bool = False,
    configures: bool = False,
    noises: bool = False,
    masked: bool = False,
) -> ByteCount:
    """Return what a round, or an evaluation alone, costs one board.

    Args:
        profile: Profile of the link.
        blobs: Bytes of the blob that leads to the head, 0 if the board holds it already; and of the delta, 0 for an
            evaluation alone.
        statistics: Whether the board is asked for statistics, as in an evaluation.
        configures: Whether the round brings a CONFIG.
        noises: Whether NOISE goes before that.
        masked: Whether the delta is hidden for a secure sum.
    """
    return blobs_bytes(
        profile, *blobs, statistics=statistics, configures=configures, noises=noises, masked=masked
    )


def planned_mask(profile: LinkProfile, *, releases: bool = False, noises: bool = False) -> ByteCount:
    """Return what it costs to have one board of a secure sum draw its secret.

    Args:
        profile: Profile of the link.
        releases: Whether it has to let go of a delta before.
        noises: Whether it trains with noise, and is told so first.
    """
    count = mask_bytes(profile, noises=noises)
    return count + release_bytes(profile) if releases else count


def planned_peers(profile: LinkProfile, neighbours: int) -> ByteCount:
    """Return what it costs to give one board the points of so many neighbours."""
    return peers_bytes(profile, neighbours)


def planned_unmask(profile: LinkProfile, lost: int, *, shares: bool = False) -> ByteCount:
    """Return what it costs to have one board take masks off the sum, as ``wire_size.unmask_bytes`` does."""
    return unmask_bytes(profile, lost, shares=shares)


def planned_release(profile: LinkProfile) -> ByteCount:
    """Return what it costs to let a board forget its delta at the end of a run."""
    return release_bytes(profile)
