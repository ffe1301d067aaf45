"""Builds of make are found from a checkout, and by a package that was installed out of one."""

from __future__ import annotations

import pytest

from bytefed import checkout
from bytefed.boards import qemu
from bytefed.boards.nrf52840 import emulator


@pytest.fixture(autouse=True)
def _no_choice(monkeypatch):
    monkeypatch.delenv("BYTEFED_QEMU_IMAGES", raising=False)
    monkeypatch.delenv("BYTEFED_EMULATOR", raising=False)


def test_a_checkout_knows_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert qemu.image_directory() == checkout.CHECKOUT / "build/qemu"


def test_an_installed_package_looks_where_make_was_run(tmp_path, monkeypatch):
    monkeypatch.setattr(checkout, "CHECKOUT", tmp_path / "site-packages")
    monkeypatch.chdir(tmp_path)
    program = tmp_path / "build/emulator" / emulator.PROGRAM
    program.parent.mkdir(parents=True)
    program.touch(mode=0o755)
    image = tmp_path / "build/qemu/board-3x2.elf"
    image.parent.mkdir()
    image.touch()
    assert qemu.find_image(3, 2) == image
    assert emulator.find_emulator() == program
