"""One table of messages: what is made from it is up to date, and a new field needs nothing else."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from golden import ROOT

GENERATE = ROOT / "tools" / "message_table" / "generate.py"
CORE = ROOT / "firmware" / "lib" / "bytefed"
TABLE = CORE / "messages.toml"
NEW_FIELD = '  ["voltage", "u16", "the supply, in mV"],\n'
LAST_FIELD = '  ["status", "Status", "why not"],\n'


def generate(*options: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, GENERATE, *options], capture_output=True, text=True, check=False)


def module_at(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules[path.stem]
    return module


def changed(folder: Path, old: str, new: str) -> Path:
    text = TABLE.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path = folder / "messages.toml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


def test_what_is_made_from_the_table_is_up_to_date() -> None:
    result = generate("--check")
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_stale_file_is_named(tmp_path: Path) -> None:
    assert generate("--into", tmp_path).returncode == 0
    assert generate("--into", tmp_path, "--check").returncode == 0
    made = tmp_path / "host" / "bytefed" / "protocol" / "message.py"
    made.write_text(made.read_text().replace("OTHER_SAMPLES = 1", "OTHER_SAMPLES = 2"))
    result = generate("--into", tmp_path, "--check")
    assert result.returncode == 1
    assert result.stdout == "host/bytefed/protocol/message.py is out of date: make generated\n"


@pytest.fixture
def with_a_new_field(tmp_path: Path) -> Path:
    """A tree that was made from the table with one more line: ERROR says the voltage, too."""
    table = changed(tmp_path, LAST_FIELD, LAST_FIELD + NEW_FIELD)
    result = generate("--table", table, "--into", tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    vectors = module_at(ROOT / "tools" / "vectors" / "messages.py")
    (tmp_path / "vectors").mkdir()
    (tmp_path / "vectors" / "messages.txt").write_text("".join(f"{line}\n" for line in vectors.lines(table)))
    return tmp_path


def test_a_new_field_reaches_host_and_specification_by_one_line(with_a_new_field: Path) -> None:
    message = module_at(with_a_new_field / "host" / "bytefed" / "protocol" / "message.py")
    rows = (with_a_new_field / "vectors" / "messages.txt").read_text().splitlines()
    for _, _, status, voltage, body in (row.split() for row in rows if row.startswith("Error ")):
        assert message.Error(int(status), int(voltage)).pack().hex() == body
        assert message.Error.unpack(bytes.fromhex(body)).voltage == int(voltage)
    spec = (with_a_new_field / "SPEC.md").read_text(encoding="utf-8").splitlines()
    old = (ROOT / "SPEC.md").read_text(encoding="utf-8").splitlines()
    assert [line for line in spec if line not in old] == [
        "| 0x7F | ERROR | up | 3 | answers any request that can't be met |",
        "| voltage | u16 | the supply, in mV |",
    ]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("c++") is None, reason="needs a C++ compiler")
def test_a_new_field_reaches_the_core_by_one_line(with_a_new_field: Path) -> None:
    """The core's own test of messages, unchanged, over the new header and the new vectors."""
    tests = ROOT / "tests" / "core"
    program = with_a_new_field / "try_messages"
    made = with_a_new_field / "firmware" / "lib" / "bytefed" / "src"
    sources = [tests / "main.cpp", tests / "test_message.cpp", CORE / "src/bytefed/protocol/message.cpp"]
    vectors = f'-DBYTEFED_VECTORS="{with_a_new_field / "vectors"}"'
    includes = [f"-I{made}", f"-I{CORE / 'src'}", f"-I{tests}"]
    subprocess.run(["c++", "-std=c++14", vectors, *includes, *sources, "-o", program], check=True)
    subprocess.run([program], check=True)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('["status", "Status", "why not"]', '["status", "u12", "why not"]', "ERROR.status: there is no type u12"),
        ('["status", "Status", "why not"]', '["a", "u8", ""], ["a", "u8", ""]', "ERROR: a stands there twice"),
        ('kind = 0x7F', 'kind = 0x01', "messages: 1 stands there twice"),
    ],
)  # fmt: skip
def test_a_wrong_table_is_refused(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    result = generate("--table", changed(tmp_path, old, new), "--into", tmp_path)
    assert result.returncode == 1
    assert complaint in result.stdout
    assert not (tmp_path / "SPEC.md").exists()
