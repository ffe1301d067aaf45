"""Sets of worlds: every single fault, pairs of them, random ones.

Run as a program it tries them all against the host on PYTHONPATH and, with --board, a core built apart; it ends with
status 3 at the first violation. So a broken host or board can be tried in a process of its own.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import count, islice, product

from board_port import MakeBoard
from shared_board import shared_board
from world import (
    EVENTS,
    Event,
    Outcome,
    Setting,
    Violation,
    random_setting,
    random_setting_of_ports,
    sealed_world,
    try_world,
)

from bytefed.transport.faults import Faults

VIOLATED = 3
_HARMLESS = {"drop", "echo", "old", "old welcome"}
_PAIRED: tuple[Event, ...] = ("kill", "kill+lose", "reset", "drop", "late")


@dataclass
class Tally:
    """The results of a campaign."""

    worlds: int = 0
    frames: int = 0
    longest: float = 0.0
    injected: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)

    @property
    def faults(self) -> int:
        return self.injected.total()


def singles(
    framing: str,
    rounds: int = 1,
    make_board: MakeBoard | None = None,
    events: tuple[Event, ...] = EVENTS,
    frame_limit: int = 20,
    sealed: bool = False,
) -> Iterator[Setting]:
    """Every event at every frame boundary of two boards' run: blobs in chunks, or with frames of 61 bytes inside."""
    setting = Setting(framing=framing, rounds=rounds, frame_limit=frame_limit)  # type: ignore[arg-type]
    setting = sealed_world(setting) if sealed else setting
    frames = try_world(setting, make_board).frames
    for at, event in product(range(frames), events):
        if framing == "serial" or event not in ("corrupt", "garbage"):  # BLE's link layer checks
            yield replace(setting, events=((at, event),))


def late_kills(framing: str, make_board: MakeBoard | None = None) -> Iterator[Setting]:
    """A kill at every frame, while what the old host's boards said is still on its way to the new one."""
    setting = Setting(rounds=2, framing=framing, frame_limit=61, forgetful=True)  # type: ignore[arg-type]
    frames = try_world(setting, make_board).frames
    for at, delay in product(range(frames), (0.5, 5.0)):
        yield replace(setting, events=((at, "kill"),), faults=Faults(delay=delay, seed=at))


def echoes(
    framing: str,
    farthest: int = 12,
    make_board: MakeBoard | None = None,
    frame_limit: int = 20,
    slice_time: float = 0.0,
    stops: bool = False,
) -> Iterator[Setting]:
    """Every frame of one board's two rounds once more, up to so many frames too late."""
    setting = replace(_one_board(framing, frame_limit, slice_time), stops=stops)
    frames = try_world(setting, make_board).frames
    for at, echo in product(range(frames), range(1, farthest + 1)):
        yield replace(setting, events=((at, "echo"),), echo=echo)


def old_and_lost(framing: str, make_board: MakeBoard | None = None, step: int = 1) -> Iterator[Setting]:
    """A frame is lost, and while that is waited for, an older one comes once more; every `step`th of such pairs."""
    setting = _one_board(framing, 20, 0.0)
    frames = try_world(setting, make_board).frames
    pairs = ((at, lost) for at in reversed(range(frames)) for lost in range(at + 1, frames))
    for at, lost in islice(pairs, 0, None, step):
        yield replace(setting, events=((at, "old"), (lost, "drop")))


def _one_board(framing: str, frame_limit: int, slice_time: float) -> Setting:
    return Setting(
        boards=1,
        rounds=2,
        framing=framing,  # type: ignore[arg-type]
        frame_limit=frame_limit,
        slice_time=slice_time,
        samples=6,
        earlier=True,
    )


def twins(make_board: MakeBoard | None = None) -> Iterator[Setting]:
    """A host dies, its successor takes the same sequence numbers, and a frame of that one is lost."""
    setting = Setting(boards=1, rounds=2, frame_limit=250, earlier=True, twin=True)
    frames = try_world(setting, make_board).frames
    for at, lost in product(range(frames), range(1, frames)):
        yield replace(setting, events=((at, "kill+lose"), (at + lost, "drop")))


def left_out(make_board: MakeBoard | None = None) -> Iterator[Setting]:
    """Deltas with a residual that count or don't, as the next round or RELEASE says."""
    setting = Setting(rounds=4, codec_up="onebit", left_out=2)
    for limit, stops in product((20, 61), (False, True)):
        calm = replace(setting, frame_limit=limit, stops=stops)
        yield calm
        for at in range(0, try_world(calm, make_board).frames, 2):
            yield replace(calm, events=((at, "drop"),))


def strangers(make_board: MakeBoard | None = None) -> Iterator[Setting]:
    """Another host greets a board, or begins the last of all rounds."""
    # Beginning a round takes the residual with it, so these worlds send none.
    kinds: tuple[tuple[Event, str], ...] = (("stranger", "onebit"), ("usurper", "float32"))
    for (event, codec_up), framing in product(kinds, ("serial", "ble")):
        setting = Setting(boards=1, rounds=3, framing=framing, frame_limit=61, codec_up=codec_up)  # type: ignore[arg-type]
        for at in range(try_world(setting).frames):
            yield replace(setting, events=((at, event),))


def resets(make_board: MakeBoard | None = None) -> Iterator[Setting]:
    """A reset at every frame of a world with many samples, and of a board whose flash has an older state."""
    setting = Setting(boards=1, rounds=2, samples=14)
    frames = try_world(setting, make_board).frames
    if make_board is not None:  # the boards of the package have no flash
        joined = try_world(replace(setting, rounds=0), make_board).frames
        for saved, at in islice(product(range(joined), range(joined, frames)), 0, None, 3):
            yield replace(setting, events=((saved, "save"), (at, "reset")))
    for at in range(frames):
        yield replace(setting, events=((at, "reset"),))


def samples_twice(make_board: MakeBoard | None = None) -> Iterator[Setting]:
    """An ADD and its only chunk once more, later."""
    setting = Setting(boards=1, samples=13)
    frames = try_world(setting, make_board).frames
    for at, echo in product(range(frames), range(1, 13)):
        yield replace(setting, events=((at, "echo"), (at + 2, "echo")), echo=echo)


def heads(make_board: MakeBoard | None = None) -> Iterator[Setting]:
    """A head that stays as it was, and heads that a host has sent of which its successor knows nothing."""
    still = Setting(boards=1, rounds=2, still=True)
    lossy = Setting(boards=1, rounds=3, codec_down="onebit")
    events: tuple[tuple[Setting, Event], ...] = ((still, "drop"), (lossy, "kill"))
    for setting, event in events:
        yield setting
        for at in range(try_world(setting, make_board).frames):
            yield replace(setting, events=((at, event),))


def personal(make_board: MakeBoard | None = None) -> Iterator[Setting]:
    """Boards that judge their personal heads, in rounds and in the evaluation of a head that stays as it was."""
    for codec_up, limit in (("float32", 20), ("onebit", 61)):
        calm = Setting(
            rounds=2, codec_up=codec_up, frame_limit=limit, still=True, statistics=True, personal=True
        )
        yield calm
        for at in range(0, try_world(calm, make_board).frames, 3):
            yield replace(calm, events=((at, "drop"),))


def pairs(framing: str, step: int = 1) -> Iterator[Setting]:
    """Every two events at two frame boundaries of a round of two boards; every `step`th of them."""
    setting = Setting(framing=framing)  # type: ignore[arg-type]
    frames = try_world(setting).frames
    places = ((a, b) for a in range(frames) for b in range(a + 1, frames + 16))
    for number, ((a, b), (x, y)) in enumerate(product(places, list(product(_PAIRED, _PAIRED)))):
        if number % step == 0:
            yield replace(setting, events=((a, x), (b, y)))


def randoms(first: int, undetected: float = 0.0) -> Iterator[Setting]:
    """Random worlds, one a seed, without end."""
    seed = first
    while True:
        yield replace(random_setting(seed), undetected=undetected)
        seed += 1


def ports(first: int) -> Iterator[Setting]:
    """Random worlds in which ports go away, are renamed and swapped, one a seed, without end."""
    return map(random_setting_of_ports, count(first))


def half_sealed(settings: Iterable[Setting]) -> Iterator[Setting]:
    """Every other world with keys."""
    for number, setting in enumerate(settings):
        yield sealed_world(setting) if number % 2 else setting


def run_all(
    settings: Iterable[Setting], tally: Tally, faults: int = 0, make_board: MakeBoard | None = None
) -> Tally:
    """Try worlds, until so many faults have been injected if `faults` is given.

    Raises:
        Violation: The first one.
    """
    for setting in settings:
        if make_board is not None and setting.frame_limit > 20 and setting.framing == "ble":
            setting = replace(setting, frame_limit=20)  # what a board built apart has
        outcome = try_world(setting, make_board)
        if setting.faults == Faults() and {event for _, event in setting.events} == {"duplicate"}:
            _check_apathy(setting, outcome, make_board)
        if {event for _, event in setting.events} <= _HARMLESS and setting.faults == Faults():
            _check_patience(setting, outcome, make_board)
        tally.worlds += 1
        tally.frames += outcome.frames
        tally.longest = max(tally.longest, outcome.seconds)
        tally.injected += outcome.injected
        tally.errors += outcome.errors
        if faults and tally.faults >= faults:
            break
    return tally


def _check_apathy(setting: Setting, outcome: Outcome, make_board: MakeBoard | None) -> None:
    """A duplicate must not make the host send anything twice (the sorcerer's apprentice)."""
    if not outcome.harmless:
        return
    calm = _calm_wire_down(replace(setting, events=()), make_board)
    if outcome.bytes.wire_down != calm:
        raise Violation(
            f"a duplicate made the host send {outcome.bytes.wire_down} B instead of {calm} B in {setting}"
        )


def _check_patience(setting: Setting, outcome: Outcome, make_board: MakeBoard | None) -> None:
    """An old chunk, ACK, POLL or answer must not end a session; without losses it makes no difference to the host."""
    if not outcome.harmless:
        return
    if outcome.sessions > setting.boards:
        raise Violation(f"an old frame cost {outcome.sessions - setting.boards} sessions in {setting}")
    calm = _calm_wire_down(replace(setting, events=()), make_board)
    if {event for _, event in setting.events} <= {"echo"} and outcome.bytes.wire_down != calm:
        raise Violation(
            f"an old frame made the host send {outcome.bytes.wire_down} B, not {calm} B, in {setting}"
        )


@cache
def _calm_wire_down(setting: Setting, make_board: MakeBoard | None) -> int:
    return try_world(setting, make_board).bytes.wire_down


def _single_faults(make: MakeBoard | None) -> Iterator[Setting]:
    for framing in ("serial", "ble"):
        yield from singles(framing, 2, make)


def _echoes(make: MakeBoard | None) -> Iterator[Setting]:
    for limit, slice_time, stops in ((20, 0.7, False), (20, 0.0, False), (244, 0.0, False), (20, 0.0, True)):
        yield from echoes("serial", 12, make, limit, slice_time, stops)


def _old_welcomes(_make: MakeBoard | None) -> Iterator[Setting]:
    for at in range(12):
        yield Setting(boards=1, frame_limit=61, events=((at, "old welcome"),))


PARTS: dict[str, Callable[[MakeBoard | None], Iterator[Setting]]] = {
    "singles": _single_faults,
    "inside": lambda make: singles("serial", 2, make, frame_limit=61),
    "damage": lambda make: singles("serial", 2, make, ("corrupt",)),
    "duplicates": lambda make: singles("serial", 2, make, ("duplicate",)),
    "echoes": _echoes,
    "old and lost": lambda make: old_and_lost("serial", make),
    "old welcome": _old_welcomes,
    "resets": resets,
    "samples twice": samples_twice,
    "heads": heads,
    "twins": twins,
    "left out": left_out,
    "strangers": strangers,
    "personal": personal,
    "late kills": lambda make: late_kills("serial", make),
    "random": lambda _: islice(randoms(1), 400),
    "ports": lambda _: islice(ports(1), 300),
    "undetected": lambda _: islice(randoms(1, undetected=0.02), 300),
}


def main() -> int:
    """Try a host and a board."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--board", help="shared library of a core")
    parser.add_argument("--part", action="append", choices=PARTS, help="only this (default: all)")
    args = parser.parse_args()
    make = shared_board(args.board) if args.board else None
    tally = Tally()
    try:
        for part in args.part or PARTS:
            run_all(PARTS[part](make), tally, make_board=make)
    except Violation as violation:
        sys.stdout.write(f"{violation}\n")
        return VIOLATED
    sys.stdout.write(f"{tally.worlds} worlds, {tally.faults} faults, no violation\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
