"""Opens the boards that BYTEFED_BOARDS names, once, and writes the report."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from checks import Check
from hardware_report import Report

from bytefed.boards.open import VirtualOptions, open_devices
from bytefed.boards.virtual import BoardKind
from bytefed.device.device import Device
from bytefed.errors import BytefedError
from bytefed.extractor.manifest import Manifest, model_folder

_LIMIT = 600.0  # seconds of a check on a board


class Bench:
    """The boards under test. Each check gets a Device that remembers nothing of the check before."""

    def __init__(self, runner: asyncio.Runner, boards: list[Device], report: Report) -> None:
        self._runner = runner
        self._boards = boards
        self._report = report

    def check_each(self, name: str, check: Check) -> None:
        """Check all boards, then fail if one failed, or skip if there was nothing to check."""
        results = [self._runner.run(self._check(board, name, check)) for board in self._boards]
        failures = [note for result, note in results if result == "FAILED"]
        if failures:
            pytest.fail("\n".join(failures), pytrace=False)
        if all(result == "SKIPPED" for result, _ in results):
            pytest.skip("SKIPPED: " + "; ".join(note for _, note in results))

    async def _check(self, board: Device, name: str, check: Check) -> tuple[str, str]:
        device = Device(board.transport)
        started = time.monotonic()
        try:
            async with asyncio.timeout(_LIMIT):
                result, note = "passed", await check(device)
        except pytest.skip.Exception as why:
            result, note = "SKIPPED", str(why)
        except Exception as error:  # whatever it is: the other boards and checks are still wanted
            result, note = "FAILED", f"{board.uri}: {type(error).__name__}: {error}"
        with suppress(BytefedError):
            await device.close()
        self._report.add(board.uri, name, result, time.monotonic() - started, note)
        return result, note


@pytest.fixture(scope="session")
def bench() -> Iterator[Bench]:
    """All boards that BYTEFED_BOARDS names."""
    uris = os.environ.get("BYTEFED_BOARDS", "").split()
    if not uris:
        pytest.skip('SKIPPED: no boards; BYTEFED_BOARDS="serial:auto ble:auto" names some')
    manifest = Manifest.load(model_folder("digits"))
    options, report = VirtualOptions(BoardKind(manifest.D, manifest.C, "digits")), Report()
    path = Path(os.environ.get("BYTEFED_REPORT", "build/hardware-report.md"))
    with asyncio.Runner() as runner:
        opened = open_devices(
            uris, options, open_links=True
        )  # boards that are paired are sealed all the same
        boards = runner.run(opened.__aenter__())
        try:
            yield Bench(runner, boards, report)
        finally:
            runner.run(opened.__aexit__(None, None, None))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(report.markdown(), encoding="utf-8")
            print(f"\n{report.markdown()}\nThe report: {path}")  # noqa: T201
