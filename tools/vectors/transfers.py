"""ACK frames: SPEC.md section 4."""

from __future__ import annotations

import random
from collections.abc import Iterator


def ack(transfer: int, count: int, window: int, have: set[int]) -> bytes:
    """Return the ACK of a receiver that has those chunks of `count`."""
    first = min(set(range(count)) - have, default=count)
    header = (0x8000 | transfer << 13 | first).to_bytes(2, "big")
    start = first // window * window
    arrived = [i for i in have if start <= i < start + window]
    if not any(i > first for i in arrived):
        return header
    bitmap = bytearray(-(-window // 8))
    for i in arrived:
        bitmap[(i - start) // 8] |= 1 << (i - start) % 8
    return header + bitmap


def ack_lines() -> Iterator[str]:
    """Yield `transfer count window start chunks ack`."""
    yield "# transfer, chunks in all, window, start (all before it arrived), more in this order (-: none), ACK"
    rng = random.Random(3)
    for window in (1, 2, 7, 8, 9, 16, 31, 32):
        for count in (1, 2, window, window + 1, 3 * window + 2, 4095):
            start = rng.randrange(0, count, window)
            here = list(range(start, min(start + window, count)))
            for share in (0.0, 0.3, 0.9):
                some = [i for i in here if rng.random() < share]
                rng.shuffle(some)
                chunks = [*range(start), *some]
                if len(chunks) == count:
                    continue  # whole: the final ACK has a status and is another form
                transfer = rng.randrange(4)
                frame = ack(transfer, count, window, set(chunks))
                shown = ",".join(map(str, some)) or "-"
                yield f"{transfer} {count} {window} {start} {shown} {frame.hex()}"
