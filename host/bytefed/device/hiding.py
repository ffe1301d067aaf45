"""A secure sum beside its rounds: a board's masks are set up, and it takes them off (SPEC.md section 11)."""

from __future__ import annotations

import struct
from collections.abc import Awaitable, Callable, Sequence

from bytefed.device.device import Device
from bytefed.errors import ProtocolError
from bytefed.ledger.account import Said
from bytefed.masks.form import KEY_SIZE, POINT_SIZE
from bytefed.protocol.message import Kind, Mask, Noise, Peers, Unmask


async def draw_point(device: Device, mask: Mask, noise: Noise | None = None) -> bytes:
    """Have a board draw a new secret, and return its point, 32 bytes.

    Args:
        device: The board.
        mask: The plan of the sum.
        noise: The noise of the run's rounds, which goes first: a board that gets its first budget forgets its masks.

    Raises:
        BoardError: The board refused.
        LinkError: The board was lost.
        ProtocolError: E_SHORT_MESSAGE.
    """
    points: list[bytes] = []

    async def ask() -> None:
        await device.session.make_noise(noise)
        _, body = await device.session.link.request(Kind.MASK, mask.pack(), Kind.MASKED, name="masks")
        points.append(_exactly(device, body, POINT_SIZE))

    await _recovering(device, ask)
    return points[-1]


async def give_points(device: Device, points: Sequence[bytes]) -> None:
    """Give a board the points of its neighbours, in an order that stays."""

    async def give() -> None:
        size = device.profile.points_per_peers
        for first in range(0, len(points), size):
            body = Peers(first).pack() + b"".join(points[first : first + size])
            await device.session.link.request(Kind.PEERS, body, Kind.PEERED, name=("peers", first))

    await _recovering(device, give)


async def ask_keys(
    device: Device, number: int, survivors: int, lost: int, boards: int | None = None
) -> list[bytes]:
    """Ask a board for its own key of a round, and for those that it shares with lost neighbours.

    Args:
        device: The board.
        number: The round.
        survivors: Bit i: neighbour i is in the sum.
        lost: Number of its neighbours that are not.
        boards: Boards in the sum, which a board has to know that made a share of its noise; None for others.

    Returns:
        1 + `lost` keys of 16 bytes, in the order of the neighbours.
    """
    bodies: list[bytes] = []
    said = b"" if boards is None else struct.pack("<H", boards)

    async def ask() -> None:
        _, body = await device.session.link.request(
            Kind.UNMASK, Unmask(number, survivors).pack() + said, Kind.UNMASKED, name="unmask"
        )
        bodies.append(_exactly(device, body, KEY_SIZE * (1 + lost)))

    await _recovering(device, ask)
    return [bodies[-1][place : place + KEY_SIZE] for place in range(0, len(bodies[-1]), KEY_SIZE)]


async def _recovering(device: Device, action: Callable[[], Awaitable[None]]) -> None:
    """Do something, over as many connections as it takes."""
    device.session.account.said = Said()
    await device.session.with_recovery(action)


def _exactly(device: Device, body: bytes, size: int) -> bytes:
    if len(body) < size:
        raise ProtocolError(
            "E_SHORT_MESSAGE",
            f"{device.uri}: an answer of {len(body)} bytes where {size} belong",
            "The firmware does not follow SPEC.md; flash the version that fits this host.",
        )
    return body[:size]
