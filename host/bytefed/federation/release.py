"""The end of a run for its boards: they may forget the deltas that no further round will release."""

from __future__ import annotations

import asyncio
from collections.abc import Container

from bytefed.clock import now
from bytefed.federation.fleet import BoardTroubles, Fleet, Member
from bytefed.ledger.plan import planned_release
from bytefed.ledger.rows import Status


async def release_all(fleet: Fleet, done: int, uncounted: Container[str]) -> None:
    """Let all boards that are there forget their deltas of closed rounds.

    Args:
        fleet: The boards.
        done: The last round that is closed. A delta of a later one may still count, once the run goes on.
        uncounted: Names of the boards whose last delta did not count.
    """
    owing = [member for member in fleet.ready().values() if 0 < member.device.owed <= done]
    await asyncio.gather(*(_release(fleet, member, member.device.name not in uncounted) for member in owing))


async def _release(fleet: Fleet, member: Member, counted: bool) -> None:
    device, started = member.device, now()
    status: Status = "failed"
    try:
        fleet.purses.lend_release(device)
        await device.release(counted=counted)
        status = "ok"
    except BoardTroubles as error:
        fleet.lose(member, error)
    finally:
        estimate = planned_release(device.profile).wire_total
        fleet.book(device, "release", status, now() - started, estimate)
