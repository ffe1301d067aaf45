"""The boards that a run hands samples to, which its user has named, and those that may join without being named."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bytefed.errors import ConfigError, StoreError
from bytefed.federation.config import RunConfig, option
from bytefed.federation.held import learns_from_boards

_ANYBODY = "ble:auto"  # finds whatever says that it is a board


def refuse_unnamed(config: RunConfig) -> None:
    """Refuse a run with whatever advertises itself as a board, where that would get samples, or in without a key.

    On sealed links only boards that this host has a key for are let in. So boards in reach may learn together from
    samples of their own; but samples of the user's go to boards that were named for this run.

    Raises:
        ConfigError: E_BOARDS_UNNAMED.
    """
    if _ANYBODY not in config.boards:
        return
    if not learns_from_boards(config):
        danger = "this run gives each board samples"
    elif config.open:
        danger = "open links let everything in"
    else:
        return
    raise ConfigError(
        "E_BOARDS_UNNAMED",
        f"{_ANYBODY} finds whatever says that it is a board, and {danger}.",
        f"List what is there with `bytefed devices {_ANYBODY}`, then name yours: --boards ble:NAME or ble:ADDRESS "
        "of each.",
    )


def require_named(config: RunConfig, options: Mapping[str, Any], directory: Path, *, own: bool) -> None:
    """Make sure that the user of a resumed run, and not its directory, says what is sent to whom.

    Args:
        config: The configuration of the resumed run.
        options: The keys that the user has named.
        directory: The run directory.
        own: Whether this user began the run on this computer; then its configuration says what this user once named.
            An address on a network is named each time all the same: others may have it by now.

    Raises:
        StoreError: E_RUN_FOREIGN.
    """
    needed = {"boards"} if any("://" in uri for uri in config.boards) else set()
    if not own:
        needed |= {"boards", "data"}
        needed |= {key for key in ("data_dir", "air_table") if getattr(config, key)}
        needed |= {"strategy"} if ":" in config.strategy else set()
    missing = sorted(needed - set(options))
    if not missing:
        return
    words = ["bytefed", "run", "--resume", str(directory)]
    for key in missing:
        value = getattr(config, key)
        words += [option(key), *(value if isinstance(value, tuple | list) else [value])]
    why = "names boards on a network" if own else "was not begun by you on this computer"
    raise StoreError(
        "E_RUN_FOREIGN",
        f"{directory} {why}, and says by itself what is sent to whom.",
        f"If that is what you want, say so: `{shlex.join(words)}`.",
    )
