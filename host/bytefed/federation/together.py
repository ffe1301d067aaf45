"""Something that is done with several boards at once, each with its row in the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from bytefed.clock import now
from bytefed.federation.fleet import BoardTroubles, Fleet, Member
from bytefed.ledger.rows import Phase, Status

T = TypeVar("T")


async def together(
    fleet: Fleet,
    phase: Phase,
    members: Sequence[Member],
    work: Callable[[Member], Awaitable[T]],
    estimate: Callable[[Member], int],
) -> dict[str, T]:
    """Do something with all boards at once, book what it took, and leave out those that fail.

    Args:
        fleet: The boards of the run.
        phase: The phase of the rows.
        members: The boards that it is done with.
        work: Does it with one board.
        estimate: Wire bytes that it is to take with one board.

    Returns:
        The outcomes by the boards' names, without those that failed.
    """
    done: dict[str, T] = {}

    async def one(member: Member) -> None:
        started = now()
        status: Status = "failed"
        member.busy = True
        try:
            done[member.device.name] = await work(member)
            status = "ok"
        except BoardTroubles as error:
            fleet.lose(member, error)
        finally:
            fleet.release(member)
            fleet.book(member.device, phase, status, now() - started, estimate(member))

    ended = await asyncio.gather(*(one(member) for member in members), return_exceptions=True)
    for error in ended:  # once no other uses its link any more
        if error is not None:
            raise error
    return done
