"""The end of a run for its boards: they may forget the deltas that no further round will release."""

from __future__ import annotations

import asyncio

from bytefed.clock import now
from bytefed.federation.fleet import BoardTroubles, Fleet, Member
from bytefed.ledger.plan import planned_release
from bytefed.ledger.rows import Status
from bytefed.runs.store import Store


async def release_all(fleet: Fleet, store: Store) -> None:
    """Let all boards that are there forget their deltas of closed rounds: one of a later round may still count."""
    done = store.head()[0]
    owing = [member for member in fleet.ready().values() if 0 < member.device.owed <= done]
    counts = {member.client: store.counts(member.device.name, member.device.owed) for member in owing}
    await asyncio.gather(*(_release(fleet, member, counts[member.client]) for member in owing))


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
