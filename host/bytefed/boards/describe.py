"""Describes a board in words: what it is, which model it holds, where it stands in a run."""

from __future__ import annotations

from bytefed.boards.catalog import board_name, sensor_name
from bytefed.boards.nrf52840.watermarks import Watched
from bytefed.device.device import Device
from bytefed.device.labels import read_labels
from bytefed.device.naming import model_of
from bytefed.device.refusals import require_exact
from bytefed.device.visit import about
from bytefed.errors import BoardError
from bytefed.privacy.accountant import UNIT
from bytefed.protocol.message import RAM_UNIT, VISIT, Capability, Kind, Noise, Noised, State, Welcome


async def describe(device: Device) -> dict[str, str]:
    """Connect to a board for a visit and return what it reports about itself, by name; two facts fit 80 columns.

    Of an emulated board the emulator adds the marks that its memory has reached.

    Raises:
        LinkError: It does not answer.
        BoardError: E_BOARD_INEXACT.
    """
    await device.connect(VISIT)
    require_exact(device.uri, device.board)
    details = await about(device)
    board, stored = device.board, device.stored
    has_extractor = board.capabilities & Capability.EXTRACTOR
    facts = {
        "board": "unknown",
        "uid": device.name,
        "model": model_label(device) if has_extractor else "none: takes features",
        "head": f"{board.features}x{board.classes}, batch up to {stored.max_batch}",
        "samples": f"{stored.train} + {stored.test} of {stored.capacity}",
        "labels": await _labels(device),
        "round": where_it_stands(device.welcome),
        "link": "sealed" if device.profile.sealed else "open: no key",
    }
    if board.capabilities & Capability.SHOWN:
        facts["phones"] = "OPEN to all near"
    if details is not None:
        facts["board"] = board_name(details.board)
        facts["firmware"] = f"{details.version_major}.{details.version_minor}.{details.version_patch}"
        facts["sensor"] = sensor_name(details.sensor)
        facts["saves"] = str(details.saves)
        facts["RAM free"] = f"{details.ram * RAM_UNIT:,} B" if details.ram else "unknown"
        if details.heap:
            facts["heap"] = f"{details.heap} requests: a defect"
    if board.capabilities & Capability.NOISED:
        facts["privacy"] = budget_left(await ask_budget(device))
    strength = getattr(device.transport, "strength", None)
    if strength is not None:
        facts["signal"] = f"{strength} dBm when it was found"
    if isinstance(device.transport, Watched):
        facts |= (await device.transport.watermarks()).facts()
    return facts


async def _labels(device: Device) -> str:
    """Return the labels that somebody has set, and else how many there are and how many more there is room for."""
    try:
        labels = await read_labels(device)
    except BoardError:  # an older firmware's
        return "none"
    if labels.are_set:
        return ", ".join(labels.names)
    return f"none set, room for {labels.most}"


async def ask_budget(device: Device) -> Noised:
    """Ask a connected board for its privacy budget."""
    _, body = await device.ask(Kind.NOISE, Noise(0.0, 0, 0, 0).pack(), Kind.NOISED)
    return Noised.unpack(body)


def budget_left(told: Noised) -> str:
    """Say how much of a privacy budget is left."""
    left = told.budget - told.spent
    share = 100 * left / told.budget if told.budget else 0.0
    return f"noise alone; {share:.0f} % of its budget left, rho {left * UNIT:.4g} of {told.budget * UNIT:.4g}"


def where_it_stands(welcome: Welcome) -> str:
    """Return the last round that a board took part in, and what it is doing."""
    if not welcome.round:
        return "none"
    states: dict[int, str] = {
        State.RECEIVING: ", receiving",
        State.TRAINING: ", training",
        State.READY: ", done",  # a WELCOME does not say whether a delta is still held
    }
    return f"{welcome.round}{states.get(welcome.state, '')}"


def model_label(device: Device) -> str:
    """Return the name of the model that a connected board holds; its hash if this host does not know it."""
    known = model_of(device)
    return known[0] if known else f"unknown ({device.board.model:08x})"
