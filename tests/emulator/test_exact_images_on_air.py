"""Images that PlatformIO has built for boards, over the air: bytefed's BLE transport and Bumble's host on an emulated
Zephyr controller, and each board's own stack (S140 or Cordio) on the chip beside it, in one virtual time.

Each test is SKIPPED, with the reason, where a part is missing (see test_exact_images.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from emulator_process import Emulator, hci_firmware
from test_exact_images import ENVIRONMENTS, missing

pytest.importorskip("bumble", reason="no bumble: pip install '.[ble-sim]'")
from ble_bed import RUN, Shape, books, expected_deltas, make_samples, rounds_on
from booked_device import BookedDevice
from bumble_bed import backend_of
from checks import CHECKS
from hci_host import bluetooth
from paired import pair

from bytefed.boards.nrf52840.builds import find_build
from bytefed.device.device import Device
from bytefed.errors import BytefedError
from bytefed.ledger.air import AirTable, Airtime
from bytefed.ledger.count import REPAIR
from bytefed.protocol.direction import Direction
from bytefed.transport import ble
from bytefed.transport.ble import BleTransport

pytestmark = pytest.mark.slow

_UID = 7
_ROUNDS = 3
_LIMIT = 600.0  # seconds of the wall clock
_PATIENCE = 2.0  # seconds for an answer: on a busy machine virtual time falls behind
# The values that the two link layers agree on: Zephyr's firmware, as it is configured, takes packets of no more than
# 27 bytes, and Bumble's host asks for an interval of at most 30 ms.
_RADIO = replace(AirTable.load().radio, phy=1, data_length=27, interval=0.03, encrypted=False)


@dataclass(frozen=True)
class Bed:
    """An emulated board on the air, the controller beside it, and the key that the board got by cable before."""

    running: Emulator
    socket: Path
    key: bytes

    def run(self, work: Any) -> Any:
        """Run `work(transport)` with the board's transport, on the wall clock: the link layers are in no hurry."""

        async def connected() -> Any:
            async with bluetooth(self.socket, "central", "F0:00:00:00:00:02") as adapter:
                central = ble.Central(backend_of(adapter))
                [address] = await central.discover()
                return await asyncio.wait_for(
                    work(BleTransport(central, address, rto_floor=_PATIENCE, key=self.key)), _LIMIT
                )

        return asyncio.run(connected())


@pytest.fixture(params=ENVIRONMENTS)
def bed(request: pytest.FixtureRequest, emulator: Path, tmp_path: Path) -> Iterator[Bed]:
    if why := missing(request.param):
        pytest.skip(f"SKIPPED: {why}")
    build = find_build(request.param)
    key = asyncio.run(pair(request.param, _UID, tmp_path / "flash"))
    central = ["--image", hci_firmware(), "--hci", tmp_path / "hci"]
    board: list[str | Path] = [
        "--image",
        build.image.path,
        "--uid",
        f"{_UID:016x}",
        "--state",
        tmp_path / "flash",
    ]
    if build.bootloader:
        board += ["--bootloader", build.bootloader]
    with Emulator(emulator, ["--air", *central, *board]) as running:
        yield Bed(running, tmp_path / "hci", key)


def test_it_passes_the_hardware_suite(bed: Bed) -> None:
    async def suite(transport: BleTransport) -> dict[str, str]:
        return {name: await _result(name, Device(transport)) for name in CHECKS}

    results = bed.run(suite)
    assert {name: result for name, result in results.items() if result not in ("passed", "SKIPPED")} == {}
    assert results["survives bad input"] == results["resumes in the middle"] == "passed"


async def _result(name: str, device: Device) -> str:
    try:
        await CHECKS[name](device)
    except pytest.skip.Exception:
        return "SKIPPED"
    except (AssertionError, BytefedError, OSError) as error:
        return f"{type(error).__name__}: {error}"
    finally:
        await device.close()
    return "passed"


def test_rounds_are_those_of_virtual_boards_and_the_air_is_as_computed(bed: Bed) -> None:
    async def rounds(transport: BleTransport) -> tuple[Any, Any, Any, Any]:
        device = BookedDevice(transport)
        await device.connect(RUN)
        shape = Shape(*device.shape)
        samples = make_samples(shape)
        replies = await rounds_on(device, shape, samples, _ROUNDS)
        counted, expected = books(device)
        values = device.take_values()
        await device.close()
        return shape, [reply.delta for reply in replies], (counted, expected), values

    shape, deltas, (counted, expected), values = bed.run(rounds)
    virtual = expected_deltas(shape, make_samples(shape), _ROUNDS)
    assert all(np.array_equal(ours, theirs) for ours, theirs in zip(deltas, virtual, strict=True))
    # A request is repeated where its answer came after the time-out, as a save to flash can make it.
    assert counted.wire_total - sum(getattr(counted, cause) for cause in REPAIR) == expected.wire_total
    air = bed.running.ask("air")
    assert air["values"] == values[Direction.DOWN].total() + values[Direction.UP].total()
    computed = Airtime.of(_RADIO, values[Direction.DOWN], values[Direction.UP])
    on_air = air["value"]["bytes"] + air["acknowledgement"]["bytes"]
    assert on_air == pytest.approx(computed.bytes(_RADIO), rel=0.02)
    counted_seconds = air["value_events"] * _RADIO.interval
    print(  # noqa: T201 (docs/boards/emulated.md)
        f"{air['value_events']} events with values: {counted_seconds:.2f} s, {computed.seconds(_RADIO):.2f} s computed"
    )
    # Events with values: as few as can be where blobs are sent, and one for each message of a few bytes.
    assert computed.seconds(_RADIO) <= counted_seconds < computed.seconds(replace(_RADIO, packets=3))
