"""The core as a library of the Arduino IDE and of PlatformIO: its papers, its examples, and one of them at work."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import arduino_ide
import pytest

from bytefed.cli.options import given_options
from bytefed.cli.parser import build_parser
from bytefed.federation.config import RunConfig
from bytefed.federation.handed_over import refuse_unnamed

ROOT = arduino_ide.ROOT
LIBRARIES, HERE = ROOT / "firmware/lib", Path(__file__).parent
EXAMPLES = LIBRARIES / "bytefed/examples"
CATEGORIES = {"Display", "Communication", "Signal Input/Output", "Sensors", "Device Control", "Timing", "Data Storage",
              "Data Processing", "Other"}  # fmt: skip


@pytest.fixture(scope="session")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The libraries as the IDE gets them, with a model in the one for TensorFlow Lite Micro."""
    folder = tmp_path_factory.mktemp("libraries")
    command = [sys.executable, ROOT / "tools/arduino_library.py", folder, "--model", ROOT / "models/digits"]
    subprocess.run(command, check=True, cwd=folder)
    return folder


@pytest.mark.parametrize("sketch", sorted(EXAMPLES.glob("*/*.ino")), ids=lambda path: path.stem)
def test_the_commands_in_an_example_are_taken(sketch: Path) -> None:
    lines = re.findall(r"^//   bytefed (.+?)(?:   |$)", sketch.read_text(encoding="utf-8"), re.MULTILINE)
    assert lines
    for words in map(str.split, lines):
        args = build_parser(words[0]).parse_args(words)
        if words[0] == "run":
            refuse_unnamed(RunConfig.resolve(None, given_options(args)))


def properties(folder: Path) -> dict[str, str]:
    text = (folder / "library.properties").read_text(encoding="utf-8")
    return dict(line.split("=", 1) for line in text.splitlines())


@pytest.mark.parametrize("name", ["bytefed", "tflm_features"])
def test_the_papers_satisfy_arduino_lint(libraries: Path, name: str) -> None:
    """Its rules for libraries as far as files can break them: LS001 to LS010, LP001 to LP056, LD001 to LD005."""
    folder = libraries / name
    told = properties(folder)
    assert told.keys() - {"depends", "includes"} == {
        "name", "version", "author", "maintainer", "sentence", "paragraph", "category", "url", "architectures",
    }  # fmt: skip
    assert all(value and value == value.strip() for value in told.values())
    assert told["name"] == name == folder.name
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]{0,15}", name) and "arduino" not in name.lower()
    assert re.fullmatch(r"\d+\.\d+\.\d+", told["version"])
    assert not told["maintainer"].lower().startswith("arduino") and "library" not in told["name"].lower()
    assert told["category"] in CATEGORIES and told["url"].startswith("https://")
    assert not told["paragraph"].startswith(told["sentence"])
    assert (folder / "src" / told["includes"]).is_file()
    for each in told.get("depends", "").split(", "):
        assert re.fullmatch(r"(\w+( \(=\d+\.\d+\.\d+\))?)?", each)
    everything = list(folder.rglob("*"))
    assert not [
        path for path in everything if path.is_symlink() or path.name.startswith(".") or path.suffix == ".exe"
    ]
    sketches = [path for path in everything if path.suffix in (".ino", ".pde")]
    assert all(path.stem == path.parent.name and path.parents[1] == folder / "examples" for path in sketches)


def test_versions_and_licences_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for name in ("bytefed", "tflm_features"):
        manifest = json.loads((LIBRARIES / name / "library.json").read_text(encoding="utf-8"))
        assert manifest["name"] == name and manifest["license"] == project["license"]
        assert project["version"] == manifest["version"] == properties(LIBRARIES / name)["version"]


def test_the_coloured_names_are_the_librarys() -> None:
    lines = (LIBRARIES / "bytefed/keywords.txt").read_text(encoding="utf-8").splitlines()
    source = "".join(path.read_text(encoding="utf-8") for path in (LIBRARIES / "bytefed/src").rglob("*.h"))
    words = [line.split("\t") for line in lines if not line.startswith("#")]
    assert len(words) > 10
    for name, kind in words:
        assert kind in ("KEYWORD1", "KEYWORD2", "LITERAL1") and re.search(rf"\b{name}\b", source), name


@pytest.mark.parametrize(
    ("family", "example"),
    [
        ("nano", "Readings"),
        ("nano", "Features"),
        ("nano", "Radio"),
        ("bluefruit", "Readings"),
        ("bluefruit", "Features"),
    ],
)
def test_the_examples_compile_as_the_ide_compiles_them(
    libraries: Path, tmp_path: Path, family: str, example: str
) -> None:
    folders = [HERE / "sketch", libraries / "bytefed/src", libraries / "tflm_features/src"]
    if example == "Radio":
        folders.append(HERE / "fake/nano")
    includes = [word for name in folders for word in ("-isystem" if name.name == "nano" else "-I", name)]
    first = [word for name in ("deque", "string", "vector", "Arduino.h") for word in ("-include", name)]
    sketch = libraries / f"bytefed/examples/{example}/{example}.ino"
    flags = [*arduino_ide.FLAGS[family], "-Wall", "-Wextra", "-Werror", *includes, *first]
    assert arduino_ide.compiled([sketch], flags, tmp_path)[0].is_file()


@pytest.mark.parametrize("family", arduino_ide.FLAGS)
def test_the_library_finds_its_cryptography_in_itself(libraries: Path, tmp_path: Path, family: str) -> None:
    source = libraries / "bytefed/src"
    flags = [*arduino_ide.FLAGS[family], f"-I{source}"]
    assert arduino_ide.compiled([source / "bytefed/seal/handshake.cpp"], flags, tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(
    os.name != "posix" or shutil.which("c++") is None, reason="needs a terminal and a compiler"
)
def test_a_board_learns_from_its_readings(tmp_path: Path) -> None:
    board = _as_program(EXAMPLES / "Readings/Readings.ino", tmp_path)
    import tty

    ours, theirs = os.openpty()
    tty.setraw(theirs)
    port = f"serial:{os.ttyname(theirs)}"
    capture = ["capture", "--open", "--board", port, "--seconds", "1", "--label"]
    learn = [
        "run",
        "--open",
        "--boards",
        port,
        "--data",
        "boards",
        "--rounds",
        "2",
        "--run-dir",
        tmp_path / "run",
    ]
    with subprocess.Popen([board], stdin=ours, stdout=ours) as sketch:
        try:
            for words in ([*capture, "0"], [*capture, "1"], learn):
                command = [sys.executable, "-m", "bytefed", *words]
                done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
                assert done.returncode == 0, done.stderr
        finally:
            sketch.kill()
    assert "0000000000001234" in (tmp_path / "run/bytes.csv").read_text(encoding="utf-8")


def _as_program(sketch: Path, folder: Path) -> Path:
    """Compile a sketch, the core and the fake Arduino core into a program of this machine."""
    monocypher = ROOT / "build/monocypher"
    subprocess.run([sys.executable, ROOT / "tools/monocypher.py", monocypher], check=True)
    main = folder / "sketch.cpp"
    main.write_text(f'#include <Arduino.h>\n#include "{sketch}"\n', encoding="utf-8")  # as the IDE does
    sources = [main, *arduino_ide.CORE.rglob("*.cpp"), HERE / "sketch/core.cpp", monocypher / "monocypher.c"]
    includes = [f"-I{each}" for each in (HERE / "sketch", arduino_ide.CORE, monocypher)]
    program = folder / sketch.stem
    subprocess.run(["c++", "-std=c++14", *includes, *sources, "-o", program], check=True)
    return program
