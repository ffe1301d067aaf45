"""The bytes that the settings of the page would take, by the exact estimate (SPEC.md section 6)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from bytefed.codec import pair
from bytefed.errors import ConfigError
from bytefed.ledger.count import CAUSES, ByteCount
from bytefed.ledger.estimate import check_ranges, classic, link_profile, predict
from bytefed.ledger.planned_run import PlannedRun, Prediction
from bytefed.ledger.wire_size import LinkProfile, blob_size
from bytefed.seeds import select

_USUAL: dict[str, Any] = {
    "link": "serial", "mtu": 247, "sealed": True, "clients": 8, "rounds": 20, "features": 64, "classes": 10,
    "codec": "float32", "fraction_train": 1.0, "statistics_rounds": 10, "seed": 42,
}  # fmt: skip
"""The settings that are known, and their values where the page says nothing."""
_RANGED = ("mtu", "clients", "rounds", "features", "classes", "fraction_train", "statistics_rounds", "seed")
_MOST_DRAWS = 5_000_000  # boards' rounds: as many as take about a second


def settings_of(given: Mapping[str, str]) -> dict[str, Any]:
    """Return settings from the texts of an address.

    Raises:
        ConfigError: E_CONFIG_KEY for a name that is none, E_CONFIG_TYPE for a text that is no such value.
    """
    return {**_USUAL, **{name: _value(name, text) for name, text in given.items()}}


def _value(name: str, text: str) -> Any:
    if name not in _USUAL:
        raise ConfigError(
            "E_CONFIG_KEY", f"There is no setting '{name[:40]}'.", f"There are: {', '.join(_USUAL)}."
        )
    kind = type(_USUAL[name])
    try:
        if kind is bool:
            return {"true": True, "false": False}[text]
        return kind(text)
    except (ValueError, KeyError):
        raise ConfigError(
            "E_CONFIG_TYPE", f"{name} can't be '{text[:40]}'.", f"Give it a value like {_USUAL[name]}."
        ) from None


def estimate(
    settings: Mapping[str, Any], profile: LinkProfile | None = None, with_head: Collection[int] = ()
) -> dict[str, Any]:
    """Predict the bytes of a run that begins with a head of zeros.

    Args:
        settings: As ``settings_of`` returns them.
        profile: The link of boards that are connected; None for the one that the settings name.
        with_head: Numbers of the clients that hold another head than zeros, which the first round they are in has to
            replace where it is the run's first.

    Returns:
        Bytes by name: `board_round`, `rounds`, `connect`, `evaluate`, `total`, each with `down`, `up`, `total`; the
        `causes` of a board's round; `participants`; `wcr`, the classic estimate.

    Raises:
        ConfigError: E_CONFIG_RANGE, E_CONFIG_CODEC, E_CONFIG_CHOICE, E_MTU_SMALL, E_TOO_LARGE.
    """
    check_ranges({name: settings[name] for name in _RANGED})
    clients, rounds = settings["clients"], settings["rounds"]
    if clients * rounds > _MOST_DRAWS:
        raise ConfigError(
            "E_CONFIG_RANGE",
            f"{clients:,} boards and {rounds:,} rounds are more than the page works out while you wait.",
            "Use `bytefed estimate`.",
        )
    profile = profile or link_profile(settings["link"], settings["mtu"], sealed=settings["sealed"])
    found = _predicted(settings, profile, from_head=False)
    drawn = select(settings["seed"], 1, range(clients), found.participants)
    holders = len(set(with_head).intersection(drawn))
    replacing = _sums(
        _predicted(settings, profile, from_head=True).rounds
    )  # of all boards of the first round
    parts = {
        name: _sums(getattr(found, name))
        for name in ("board_round", "rounds", "connect", "evaluate", "total")
    }
    more = {
        way: (replacing[way] - count) * holders // found.participants
        for way, count in parts["rounds"].items()
    }
    for name in ("rounds", "total"):
        parts[name] = {way: count + more[way] for way, count in parts[name].items()}
    shape = settings["features"], settings["classes"]
    return {
        **parts,
        "causes": _causes(found.board_round),
        "participants": found.participants,
        "wcr": classic(blob_size(pair(settings["codec"])[1], *shape), clients, rounds),
    }


def _predicted(settings: Mapping[str, Any], profile: LinkProfile, *, from_head: bool) -> Prediction:
    codecs = pair(settings["codec"])
    given = {name: settings[name] for name in _RANGED if name != "mtu"}
    return predict(profile, PlannedRun(codecs=codecs, from_head=from_head, **given))


def _sums(count: ByteCount) -> dict[str, int]:
    return {"down": count.wire_down, "up": count.wire_up, "total": count.wire_total}


def _causes(count: ByteCount) -> dict[str, int]:
    """Return the bytes by cause, without causes that take none."""
    names = ("payload_down", "payload_up", *CAUSES)
    return {name: getattr(count, name) for name in names if getattr(count, name)}
