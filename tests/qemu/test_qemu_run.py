"""Whole runs on emulated boards: the heads of virtual ones, to the bit, and every byte as estimated."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from emulated import heads

from bytefed.boards import qemu
from bytefed.boards.open import VirtualOptions, open_devices
from bytefed.boards.virtual import BoardKind
from bytefed.device.device import Device
from bytefed.errors import BoardError, BytefedError, ConfigError, LinkError
from bytefed.federation.config import RunConfig
from bytefed.federation.experiment import begin
from bytefed.transport.serial import SerialTransport

_KIND = BoardKind(64, 10)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A file of features for a head of 64x10: noisy copies of ten patterns."""
    rng = np.random.default_rng(7)
    y = np.arange(240) % 10
    X = np.clip(rng.integers(-90, 90, (10, 64))[y] + rng.normal(0, 30, (240, 64)), -128, 127)
    path = tmp_path / "patterns.npz"
    np.savez(path, X=X.astype(np.int8), y=y)
    return path


def train(data: Path, directory: Path, *boards: str, **options: object) -> Mapping[str, Any]:
    config = RunConfig.resolve(
        None, {"boards": boards, "data": str(data), "rounds": 3, "local_epochs": 2, "seed": 3, **options}
    )
    return asyncio.run(begin(config, directory, lambda event: None))


def test_emulated_and_virtual_boards_make_the_same_heads(images: Path, data: Path, tmp_path: Path) -> None:
    runs = {
        "qemu": ("qemu:4",),
        "virtual": ("virtual:4",),
        "mixed": ("virtual:1", "qemu:2", "loopback:1"),
    }
    summaries = {name: train(data, tmp_path / name, *boards) for name, boards in runs.items()}
    expected = heads(tmp_path / "virtual")
    assert [number for number, _ in expected][-1] == 3
    assert len({head for _, head in expected}) == len(expected)
    for name, summary in summaries.items():
        assert heads(tmp_path / name) == expected, name
        assert summary["complete"] and summary["failed"] == 0
        assert summary["estimate_exact"] and not summary["open_boards"], name
        assert summary["wire_total"] == summaries["virtual"]["wire_total"]
    assert summaries["qemu"]["accuracy_final"] > 0.8


@pytest.mark.parametrize(
    "options", [{"batch_size": 32}, {"codec": "onebit"}, {"codec": "int8/twobit"}, {"codec": "sign/stc5"}]
)
def test_other_options_give_the_same_heads(
    images: Path, data: Path, tmp_path: Path, options: dict[str, object]
) -> None:
    for kind in ("qemu", "loopback"):
        summary = train(data, tmp_path / kind, f"{kind}:2", rounds=2, **options)
        assert summary["estimate_exact"]
    assert heads(tmp_path / "qemu") == heads(tmp_path / "loopback")


def test_a_board_says_what_it_is(images: Path) -> None:
    async def ask() -> list[Device]:
        async with open_devices(["qemu:2"], VirtualOptions(_KIND, uid_seed=5)) as devices:
            for device in devices:
                await device.connect(run=1)
            return devices

    first, second = asyncio.run(ask())
    assert first.uid != second.uid
    assert first.uri == "qemu:0"
    assert (first.board.features, first.board.classes) == (64, 10)
    assert (first.board.capabilities & 1, first.board.model) == (0, 0)  # it takes ready features
    assert (first.stored.capacity, first.stored.max_batch) == (500, 32)


@contextmanager
def lone_board(
    images: Path, key: bytes | None = None, host_key: bytes | None = None
) -> Iterator[tuple[SerialTransport, subprocess.Popen[str]]]:
    """A board with QEMU's monitor at hand, which is started with that key; the host believes in another one."""
    with qemu.listening() as listener:
        port = listener.getsockname()[1]
        command = qemu.board_command(
            qemu.find_qemu(), images / "board-64x10.elf", 7, listener.fileno(), key=key, monitor="stdio"
        )
        board = subprocess.Popen(
            command, pass_fds=[listener.fileno()], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        )
    try:
        yield SerialTransport(f"socket://127.0.0.1:{port}", uri="qemu:0", rto_floor=2.0, key=host_key), board
    finally:
        board.kill()
        board.communicate()


def test_a_reset_shows_in_the_boot_number(images: Path) -> None:
    async def boots(transport: SerialTransport, board: subprocess.Popen[str]) -> list[int | None]:
        seen = []
        for _ in range(3):
            device = Device(transport, rng=random.Random(1))
            await device.connect(run=1)
            seen.append(device.boot)
            await device.close()
            assert board.stdin is not None
            board.stdin.write("system_reset\n")
            board.stdin.flush()
            await asyncio.sleep(0.5)  # what arrives while it starts is lost, as on a chip
        return seen

    with lone_board(images) as (transport, board):
        first, second, third = asyncio.run(boots(transport, board))
    assert first is not None
    assert [second, third] == [(first + 1) % 65536, (first + 2) % 65536]


def test_a_flood_does_not_hurt(images: Path) -> None:
    """Bytes that come faster than the board works wait in the socket; junk is dropped; then it answers."""

    async def flood(transport: SerialTransport) -> int:
        await transport.open()
        rng = random.Random(3)
        for _ in range(40):
            await transport.write(rng.randbytes(1000))
        await transport.close()
        device = Device(transport, rng=rng)
        await device.connect(run=1)
        await device.close()
        return device.uid

    with lone_board(images) as (transport, _):
        assert asyncio.run(flood(transport)) == 7


def test_an_idle_board_sleeps(images: Path) -> None:
    with lone_board(images) as (transport, board):

        async def connect() -> None:
            device = Device(transport, rng=random.Random(1))
            await device.connect(run=1)

        asyncio.run(connect())
        before = _cpu_ticks(board.pid)
        time.sleep(1.0)
        assert _cpu_ticks(board.pid) - before < 50  # of 100: a busy loop would take nearly all


def _cpu_ticks(pid: int) -> int:
    """Hundredths of a second of processor time."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        pytest.skip("this machine has no /proc")
    return int(fields[11]) + int(fields[12])


# ---- What is missing


def test_a_missing_qemu_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match=r"E_QEMU_MISSING.*apt-get install qemu-system-arm"):
        open_and_close()


def test_a_missing_image_is_said(images: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BYTEFED_QEMU_IMAGES", str(tmp_path))
    with pytest.raises(ConfigError, match=r"E_QEMU_IMAGE.*make qemu SHAPES=64x10"):
        open_and_close()


def test_the_image_with_the_models_extractor_goes_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BYTEFED_QEMU_IMAGES", str(tmp_path))
    ready = tmp_path / "board-32x10.elf"
    ready.touch()
    assert qemu.find_image(32, 10, "digits") == ready
    own = tmp_path / "board-digits.elf"
    own.touch()
    assert qemu.find_image(32, 10, "digits") == own
    assert qemu.find_image(32, 10, "digits04") == qemu.find_image(32, 10) == ready


def test_an_image_that_dies_says_why(
    images: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "board-64x10.elf").write_bytes((images / "faults.elf").read_bytes())
    monkeypatch.setenv("BYTEFED_QEMU_IMAGES", str(tmp_path))

    async def connect() -> None:
        async with open_devices(["qemu:1"], VirtualOptions(_KIND)) as (device,):
            await asyncio.sleep(0.5)
            await device.connect(run=1)

    with pytest.raises((LinkError, BoardError)):
        asyncio.run(connect())
    assert "qemu:0: fatal: " in caplog.text


def open_and_close() -> None:
    async def run() -> None:
        async with open_devices(["qemu:1"], VirtualOptions(_KIND)):
            pass

    asyncio.run(run())


def test_a_board_is_started_with_a_key(images: Path) -> None:
    """Its randomness is another one after each reset."""
    key = os.urandom(32)

    async def meet(transport: SerialTransport, board: subprocess.Popen[str]) -> None:
        for _ in range(2):
            device = Device(transport, rng=random.Random(1))
            await device.connect(run=1)
            assert device.uid == 7
            await device.close()
            assert board.stdin is not None
            board.stdin.write("system_reset\n")
            board.stdin.flush()
            await asyncio.sleep(0.5)

    with lone_board(images, key, key) as (transport, board):
        asyncio.run(meet(transport, board))


@pytest.mark.parametrize(
    ("key", "code"), [(b"k" * 32, "E_BOARD_LOCKED"), (None, "E_BOARD_UNPAIRED")], ids=["another", "none"]
)
def test_a_board_with_another_key_or_none_is_named(images: Path, key: bytes | None, code: str) -> None:
    async def meet(transport: SerialTransport) -> None:
        with pytest.raises(BytefedError) as caught:
            await Device(transport, rng=random.Random(1)).connect(run=1)
        assert caught.value.code == code

    with lone_board(images, key, os.urandom(32)) as (transport, _):
        asyncio.run(meet(transport))
