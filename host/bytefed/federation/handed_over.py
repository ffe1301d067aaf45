"""Whom a run hands samples to: to boards that its user has named, and to no others."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bytefed.errors import ConfigError, StoreError
from bytefed.federation.config import RunConfig, option

_ANYBODY = "ble:auto"  # finds whatever says that it is a board


def refuse_unnamed(config: RunConfig) -> None:
    """Refuse to give samples to whatever advertises itself as a board.

    Raises:
        ConfigError: E_BOARDS_UNNAMED.
    """
    if _ANYBODY in config.boards:
        raise ConfigError(
            "E_BOARDS_UNNAMED",
            f"{_ANYBODY} finds whatever says that it is a board, and a run gives each board samples.",
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
