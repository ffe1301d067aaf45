"""The suite for real boards (tests/boards) on virtual ones: it passes where they are sound, and fails where not."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from bytefed._core import VirtualBoard
from bytefed.boards.loopback import LoopbackTransport
from bytefed.boards.started import board_command
from bytefed.boards.virtual import BoardKind, VirtualOptions
from bytefed.device.device import Device
from bytefed.device.plan import TrainingPlan
from bytefed.extractor.extractor import Extractor
from bytefed.extractor.manifest import Manifest, model_folder

SUITE = Path(__file__).parents[1] / "boards"


def run_suite(report: Path, boards: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "BYTEFED_BOARDS": boards, "BYTEFED_REPORT": str(report)}
    environment.pop("BYTEFED_RESET", None)
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", str(SUITE)]
    return subprocess.run(
        command,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=SUITE.parents[1],
    )


def test_without_boards_it_is_skipped_and_says_why(tmp_path: Path) -> None:
    done = run_suite(tmp_path / "report.md", "")
    assert done.returncode == 0 and " passed" not in done.stdout
    assert "SKIPPED: no boards" in done.stdout


@pytest.mark.skipif(os.name != "posix", reason="no pseudo-terminals on this system")
def test_virtual_boards_pass_all_but_what_flash_is_needed_for(tmp_path: Path, checks: ModuleType) -> None:
    """One with the motions' extractor and a replayed sensor, one with the digits'."""
    model = Manifest.load(model_folder("motion"))
    windows = np.random.default_rng(1).integers(-128, 128, (16, *model.input_shape)).astype(np.int8)
    np.savez(tmp_path / "recording.npz", X=windows)
    kind = BoardKind(model.D, model.C, "motion", replay=str(tmp_path / "recording.npz"))
    command = board_command(1, 0, VirtualOptions(kind, sealed=False))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as board:
        assert board.stdout is not None
        port = json.loads(board.stdout.readline())["port"]
        done = run_suite(tmp_path / "report.md", f"serial:{port} virtual:1")
        board.terminate()
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.split(" | ") for line in (tmp_path / "report.md").read_text().splitlines() if " | " in line]
    results = [
        (row[0].removeprefix("| "), row[1]) for row in rows if row[1] in ("passed", "SKIPPED", "FAILED")
    ]
    assert len(results) == 2 * len(checks.CHECKS)
    assert [name for name, result in results if result != "passed"] == [
        "keeps all through a reset", "captures", "is used", "keeps all through a reset"
    ]  # fmt: skip


def board(flip: int = 0) -> LoopbackTransport:
    """A digits board; `flip`: bits of each first feature that are wrong."""
    extractor = Extractor.load("digits")

    def extract(values: bytes) -> bytes:
        features = extractor.extract(np.frombuffer(values, np.int8).reshape(1, *extractor.input_shape))
        features[0, 0] ^= flip
        return features.tobytes()

    return LoopbackTransport(
        VirtualBoard(
            features=32, classes=10, uid=7, model=extractor.model_hash, extract=extract,
            input_size=int(np.prod(extractor.input_shape)), scale=extractor.quantization.scale,
            zero_point=extractor.quantization.zero_point,
        )
    )  # fmt: skip


def test_one_wrong_bit_of_a_feature_is_found(checks: ModuleType) -> None:
    asyncio.run(checks.extracts_the_golden_features(Device(board())))
    with pytest.raises(AssertionError, match="features are others"):
        asyncio.run(checks.extracts_the_golden_features(Device(board(flip=1))))


def test_a_delta_with_other_bits_is_found(checks: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    asyncio.run(checks.trains_with(Device(board()), "float32"))
    other = TrainingPlan("float32", "float32", checks.EPOCHS, checks.BATCH, checks.RATE * 1.0001, checks.SEED)
    monkeypatch.setattr(checks, "plan", lambda _name="float32": other)
    with pytest.raises(AssertionError, match="differ from the host's core"):
        asyncio.run(checks.trains_with(Device(board()), "float32"))
    with pytest.raises(AssertionError, match="differ from the host's core"):
        asyncio.run(checks.resumes(Device(board())))


def test_bytes_beyond_the_estimate_are_found(checks: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = checks.planned_round
    monkeypatch.setattr(checks, "planned_round", lambda *what, **options: honest(*what, **options) * 2)
    with pytest.raises(AssertionError, match="estimated"):
        asyncio.run(checks.trains_with(Device(board()), "int8"))


def test_a_board_that_takes_anything_is_found(checks: ModuleType) -> None:
    async def accept() -> None:
        pass

    with pytest.raises(AssertionError, match="it took what deserves E_BOARD_BAD_LABEL"):
        asyncio.run(checks.refused(accept(), "E_BOARD_BAD_LABEL"))
