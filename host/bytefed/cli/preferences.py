"""A user's preferences for every command: environment variables, and a configuration file of this user.

What the command line says goes first, then a file given with --config, then the environment, then the user's file, then
bytefed's defaults. Only what is about this computer can be preferred: what a run learns is said where it is started.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from bytefed.errors import ConfigError, did_you_mean
from bytefed.toml_file import read_toml

FILE = "BYTEFED_CONFIG"
"""The environment variable that names another file than the usual one."""

_VARIABLES = {"boards": "BYTEFED_BOARDS", "log_file": "BYTEFED_LOG_FILE"}


def config_file() -> Path:
    """Return the user's file: $BYTEFED_CONFIG, else config.toml in the folder for settings, as XDG names it."""
    if named := os.environ.get(FILE):
        return Path(named)
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "bytefed" / "config.toml"


def preferences() -> dict[str, Any]:
    """Return what the user prefers, by name: `boards`, a tuple of URIs; `log_file`, a path.

    Raises:
        ConfigError: E_CONFIG_FILE for a file that can't be read or understood, E_CONFIG_KEY for a name that is none.
    """
    found = _of_file()
    for name, variable in _VARIABLES.items():
        if value := os.environ.get(variable):
            found[name] = value.split() if name == "boards" else value
    if "boards" in found:
        found["boards"] = tuple(found["boards"])
    if "log_file" in found:
        found["log_file"] = Path(found["log_file"]).expanduser()
    return found


def preferred_boards() -> dict[str, Any]:
    """Return the boards that the user prefers, as a key of a run's configuration; nothing if there are none."""
    return {name: value for name, value in preferences().items() if name == "boards"}


def prefer(parser: argparse.ArgumentParser) -> None:
    """Let a command's options have what the user prefers, where they have a default of their own to be replaced."""
    preferred = preferences()
    for action in parser._actions:
        if action.dest == "log_file" and "log_file" in preferred:
            action.default = preferred["log_file"]
        elif action.dest in ("board", "boards") and _names_boards(action) and "boards" in preferred:
            action.default = preferred["boards"][0] if action.nargs is None else list(preferred["boards"])


def _names_boards(action: argparse.Action) -> bool:
    """Return whether an option takes URIs, with a default to be replaced; `audit --boards` takes a number."""
    return bool(action.default) and action.type is None


def _of_file() -> dict[str, Any]:
    path = config_file()
    try:
        found = read_toml(path)
    except (FileNotFoundError, NotADirectoryError):
        if os.environ.get(FILE):
            raise ConfigError("E_CONFIG_FILE", f"There is no {path}.", f"Correct or unset {FILE}.") from None
        return {}
    except (OSError, ValueError, RuntimeError) as error:
        raise ConfigError(
            "E_CONFIG_FILE", f"{path} can't be read ({error}).", "Correct it, or move it away."
        ) from error
    for name, value in found.items():
        _check(path, name, value)
    return found


def _check(path: Path, name: str, value: Any) -> None:
    if name not in _VARIABLES:
        meant = f"{did_you_mean(name, _VARIABLES)}There are {' and '.join(_VARIABLES)}."
        raise ConfigError("E_CONFIG_KEY", f"{path}: there is no '{name}'.", meant)
    is_list = isinstance(value, list) and bool(value) and all(isinstance(uri, str) for uri in value)
    if not (is_list if name == "boards" else isinstance(value, str)):
        form = '["serial:auto"]' if name == "boards" else '"bytefed.log"'
        raise ConfigError("E_CONFIG_TYPE", f"{path}: {name} is {value!r}.", f"Write it as {name} = {form}.")
