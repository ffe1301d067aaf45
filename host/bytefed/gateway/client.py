"""The client's end of a gateway's local socket (see server.py): asks for a round, with as little code as possible."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bytefed.errors import BytefedError

Head = NDArray[np.float32]


async def ask(socket: Path, run: int, number: int, head: Head) -> tuple[dict[str, Any], Head]:
    """Ask a gateway for a round, as a thin client of any federation does.

    Args:
        socket: Path of the gateway's socket.
        run: Number of the federation's run, 1 to 2^32 - 1.
        number: The round, 1 to 65535.
        head: float32 [P], the global head.

    Returns:
        The gateway's answer, and the mean of the room's local heads, float32 [P].

    Raises:
        BytefedError: The gateway's own error, with its code; E_GATEWAY when it can't be reached.
    """
    try:
        reader, writer = await asyncio.open_unix_connection(socket)
        blob = head.astype("<f4").tobytes()
        writer.write(json.dumps({"run": run, "round": number, "size": len(blob)}).encode() + b"\n" + blob)
        await writer.drain()
        answer = json.loads(await reader.readline())
        if answer["size"] != (0 if "error" in answer else len(blob)):
            raise ValueError(f"{answer['size']} bytes of {len(blob)}")
        mean = np.frombuffer(await reader.readexactly(answer["size"]), "<f4").astype(np.float32)
        writer.close()
    except (OSError, ValueError, KeyError, TypeError, RecursionError, asyncio.IncompleteReadError) as error:
        raise BytefedError(
            "E_GATEWAY",
            f"The gateway at {socket} does not answer ({error}).",
            "Start `bytefed gateway` there.",
        ) from error
    if "error" in answer:
        raise BytefedError(answer["error"], answer.get("message", ""), answer.get("remedy", ""))
    return answer, mean
