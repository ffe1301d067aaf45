"""Whole runs over links that lose nothing, sealed and open: the bytes are those of `bytefed estimate`, by cause."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bytefed.boards.loopback import LoopbackTransport
from bytefed.boards.started import boards
from bytefed.boards.virtual import VirtualOptions
from bytefed.cli.main import main
from bytefed.device.device import Device
from bytefed.errors import ConfigError
from bytefed.federation import experiment
from bytefed.federation.config import RunConfig
from bytefed.ledger.count import COUNTS
from bytefed.ledger.wire_size import MIN_SEALED_MTU, ble_profile, sealed_profile
from bytefed.runs.columns import read_columns

BOARDS, ROUNDS = 3, 11  # the tenth round has statistics
FEATURES, CLASSES = 20, 4
LINKS = ["serial", "ble:65", "ble:185", "ble:247"]
SETTINGS = [(link, is_open) for is_open in (False, True) for link in LINKS] + [("ble:23", True)]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    rng = np.random.default_rng(5)
    y = rng.integers(0, CLASSES, 120)
    X = (rng.normal(0, 1, (120, FEATURES)) + 2 * np.eye(CLASSES, FEATURES)[y]).astype(np.float32)
    path = tmp_path_factory.mktemp("data") / "heaps.npz"
    np.savez(path, X=X, y=y)
    return str(path)


def over(link: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the boards of a run, which are in this process, behind such a link."""
    framing, _, mtu = link.partition(":")

    @asynccontextmanager
    async def opened(_found: Any, options: VirtualOptions, _faults: str) -> AsyncIterator[list[Device]]:
        async with AsyncExitStack() as stack:
            devices = []
            for number, (board, key) in enumerate(boards(BOARDS, 0, options)):
                port = LoopbackTransport(
                    board,
                    name=str(number),
                    framing="ble" if framing == "ble" else "serial",
                    mtu=int(mtu or 247),
                    key=key,
                )
                devices.append(Device(port))
                stack.push_async_callback(devices[-1].close)
            yield devices

    monkeypatch.setattr(experiment, "open_devices", opened)


def counted(directory: Path, name: str, phase: str = "") -> Mapping[str, int]:
    """Return the sums of the columns of bytes that a file of a run has, of one phase if it is named."""
    columns = read_columns(directory / name)
    phases = columns.get("phase", [""] * len(columns["round"]))
    return {
        count: sum(value for value, of in zip(columns[count], phases, strict=True) if phase in ("", of))
        for count in (*COUNTS, "wire_total")
    }


@pytest.mark.parametrize(("link", "is_open"), SETTINGS, ids=lambda value: str(value))
@pytest.mark.parametrize("codec", ["float32", "float32/onebit", "onebit"])
def test_a_run_takes_what_was_estimated(
    link: str, is_open: bool, codec: str, data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    over(link, monkeypatch)
    config = RunConfig(
        boards=(f"loopback:{BOARDS}",), data=data, rounds=ROUNDS, codec=codec, fraction_train=0.7,
        learning_rate_decay=0.5, learning_rate_rounds=4, local_epochs=1, central=False, open=is_open,
    )  # fmt: skip
    summary = asyncio.run(experiment.begin(config, tmp_path / "run", lambda _: None))
    assert summary["estimate_exact"]
    assert summary["open_boards"] == (BOARDS if is_open else 0)
    name, _, mtu = link.partition(":")
    options = ["--features", FEATURES, "--classes", CLASSES, "--clients", BOARDS, "--rounds", ROUNDS]
    options += ["--codec", codec, "--fraction-train", 0.7, "--learning-rate-rounds", 4]
    options += ["--link", name, *(["--mtu", mtu] if mtu else []), *(["--open"] if is_open else [])]
    assert main(["estimate", "--json", *map(str, options)]) == 0
    estimate = json.loads(capsys.readouterr().out)
    exact = estimate["exact"]
    assert estimate["security"] == ("OPEN" if is_open else "sealed")
    assert counted(tmp_path / "run", "bytes.csv") == exact["rounds"]
    assert counted(tmp_path / "run", "sessions.csv", "connect") == exact["connect"]
    assert counted(tmp_path / "run", "sessions.csv", "evaluate") == exact["evaluate"]
    assert bool(exact["rounds"]["seal"]) == bool(exact["connect"]["handshake"]) == (not is_open)
    said = Counter(
        word
        for file in ("bytes.csv", "sessions.csv")
        for word in read_columns(tmp_path / "run" / file)["security"]
    )
    assert set(said) == {"OPEN" if is_open else "sealed"}


def test_links_that_are_too_narrow_for_a_handshake_are_refused(
    data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    narrow = MIN_SEALED_MTU - 1
    assert sealed_profile(ble_profile(MIN_SEALED_MTU)).sealed
    with pytest.raises(ConfigError, match="E_MTU_SMALL"):
        sealed_profile(ble_profile(narrow))
    simulate = ["simulate", "--links", f"ble:{narrow}", "--data", data, "--run-dir", str(tmp_path / "s")]
    for command in (
        ["estimate", "--link", "ble", "--mtu", str(narrow)],
        simulate,
        ["sweep", "--mtu", str(narrow), "--sweep-dir", str(tmp_path / "sweep")],
    ):
        assert main(command) == 2
        said = capsys.readouterr().err
        assert "error[E_MTU_SMALL]" in said
        assert "--open" in said
    over(f"ble:{narrow}", monkeypatch)
    run = [
        "run",
        "--boards",
        f"loopback:{BOARDS}",
        "--data",
        data,
        "--quiet",
        "--run-dir",
        str(tmp_path / "r"),
    ]
    assert main(run) == 1
    assert "error[E_MTU_SMALL]" in capsys.readouterr().err
    assert not (tmp_path / "r").exists()


def test_a_run_knows_whether_it_was_sealed(
    data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A resumed run opens new processes, whose boards have new keys; it can't become open, or sealed."""
    over("serial", monkeypatch)
    config = RunConfig(boards=(f"loopback:{BOARDS}",), data=data, rounds=2, local_epochs=1, central=False)
    for name, is_open in (("sealed", False), ("open", True)):
        directory = tmp_path / name
        asyncio.run(experiment.begin(replace(config, open=is_open), directory, lambda _: None))
        with pytest.raises(ConfigError, match="--open can't change within a run"):
            asyncio.run(experiment.resume(directory, {"rounds": 4, "open": not is_open}, lambda _: None))
        summary = asyncio.run(experiment.resume(directory, {"rounds": 4}, lambda _: None))
        assert summary["complete"]
        assert summary["rounds"] == 4
        assert summary["estimate_exact"]
        assert summary["open_boards"] == (BOARDS if is_open else 0)
        assert set(read_columns(directory / "bytes.csv")["security"]) == {"OPEN" if is_open else "sealed"}
        assert set(read_columns(directory / "sessions.csv")["security"]) == {"OPEN" if is_open else "sealed"}
