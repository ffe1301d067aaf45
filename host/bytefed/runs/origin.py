"""Whether this user began a run here: a secret mark in the user's state folder signs what a run directory says.

A run directory names boards, files and code. One that somebody else made, or changed, must not send this user's samples
to boards of its choice.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from bytefed.private_files import make_file, make_folder

_BYTES = 32


def state_folder() -> Path:
    """Return the folder for what bytefed remembers for a user, in the user's state folder as XDG names it."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "bytefed"


def signature(run: int, config: str, clients: Mapping[str, int]) -> str:
    """Return this user's signature of a run, hexadecimal; "" where there is no place to keep a mark.

    Args:
        run: The run's number.
        config: Its configuration, as TOML.
        clients: Client number by uid of the boards that were enrolled.
    """
    try:
        mark = _mark()
    except (OSError, RuntimeError):  # RuntimeError: a user without a home
        return ""
    said = json.dumps([run, config, sorted(clients.items())])
    return hmac.new(mark, said.encode(), "sha256").hexdigest()


def _mark() -> bytes:
    """Return the user's mark, which is drawn at random when it is first asked for."""
    path = state_folder() / "mark"
    if not path.exists():
        make_folder(path.parent)
        fresh = make_file(path.with_name(f"mark.{os.getpid()}"))
        fresh.write_bytes(secrets.token_bytes(_BYTES))
        fresh.replace(path)
    return path.read_bytes()
