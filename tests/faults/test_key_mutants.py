"""Hosts that keep keys badly on purpose, each by one exact replacement; the tests of keys find each."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from mutants import Mutant, broken_host

_RUN = Path(__file__).with_name("run_pytest.py")
_TESTS = Path(__file__).parents[1] / "host"
_FILE, _PAIRING, _DEVICE = (
    _TESTS / name
    for name in ("keys/test_key_file.py", "device/test_pairing.py", "device/test_keys_in_use.py")
)
_KEY_FILE, _OPENING, _GIVING = (
    "bytefed/keys/file.py",
    "bytefed/device/opening.py",
    "bytefed/device/pairing.py",
)
_PENDING = "before = self._change(replace(self._entry(met.uid), pending=key))"

MUTANTS = [
    (Mutant("a file that others can read is taken", _KEY_FILE,
            (("_OTHERS = stat.S_IRWXG | stat.S_IRWXO", "_OTHERS = stat.S_IWGRP | stat.S_IWOTH"),)),
     _FILE, "others_can_read"),
    (Mutant("a file that others can change is taken", _KEY_FILE,
            (("_OTHERS = stat.S_IRWXG | stat.S_IRWXO", "_OTHERS = stat.S_IRGRP | stat.S_IROTH"),)),
     _FILE, "others_can_read"),
    (Mutant("others can read what is written", "bytefed/private_files.py",
            (("_PRIVATE = 0o600", "_PRIVATE = 0o644"),)),
     _FILE, "its_user_alone"),
    (Mutant("two commands write at once", _KEY_FILE, (("            self._lock(descriptor)\n", ""),)),
     _FILE, "two_commands"),
    (Mutant("a damaged line is told", "bytefed/keys/shared.py",
            (('1, "this is no TOML") from None', "1, text) from None"),)),
     _FILE, "without_its_content"),
    (Mutant("keys are shown", "bytefed/keys/shared.py",
            (("    key: bytes | None = field(default=None, repr=False)", "    key: bytes | None = None"),)),
     _FILE, "no_representation"),
    (Mutant("a key is sent before it is kept", _GIVING, ((_PENDING, "before = None"),)), _PAIRING, "pulled_out"),
    (Mutant("the old key goes before the new one is taken", _GIVING,
            ((_PENDING, "before = self._change(BoardKey(met.uid, key))"),)),
     _PAIRING, "pulled_out or kept_until"),
    (Mutant("a proof is not looked at", _GIVING,
            (("(paired.uid, paired.check) != (uid, key_check(key))", "paired.uid != uid"),)),
     _PAIRING, "proves_nothing"),
    (Mutant("a key goes through the air", _GIVING, (('if framing != "serial":', "if False:"),)), _PAIRING, "air"),
    (Mutant("a key that may have been taken is not tried", "bytefed/keys/shared.py",
            (("for key in (self.key, self.pending) if", "for key in (self.key,) if"),)),
     _DEVICE, "both_keys or unnoticed"),
    (Mutant("a board that has lost its key is taken", _OPENING,
            (("if entry is not None and entry.key is not None:\n", "if False:\n"),)),
     _DEVICE, "lost_its_key"),
    (Mutant("a board without a key is taken", _OPENING, (("if not self._ring.open_links:", "if False:"),)),
     _DEVICE, "without_a_key"),
    (Mutant("a host goes back to a link in the clear", _OPENING,
            (("if self._uid is not None:\n                raise await", "if False:\n                raise await"),
             ("if entry is not None and entry.key is not None:\n", "if entry is not None and self._uid is None:\n"))),
     _DEVICE, "comes_back_without"),
    (Mutant("a first contact is booked as repair", "bytefed/device/link.py",
            (("Role.NEWS if asked else Role.RETRANSMISSION", "Role.RETRANSMISSION"),)),
     _DEVICE, "first_contact"),
    (Mutant("a first contact is not estimated", "bytefed/ledger/plan.py",
            (("count + first_contact_bytes(profile) if first_contact else count", "count"),)),
     _DEVICE, "first_contact"),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("mutant", "suite", "tests"), MUTANTS, ids=[each[0].name for each in MUTANTS])
def test_each_is_found(mutant: Mutant, suite: Path, tests: str, tmp_path: Path) -> None:
    work = tmp_path / "host"
    command = [
        *broken_host(mutant, work),
        str(_RUN),
        "-q",
        "-x",
        "-p",
        "no:cacheprovider",
        "-k",
        tests,
        str(suite),
    ]
    environment = {**os.environ, "PYTHONPATH": str(work), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 1, f"{mutant.name} is not found: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    assert " failed" in done.stdout
    assert "NameError" not in done.stdout, f"{mutant.name} does not even run: {done.stdout[-2000:]}"
