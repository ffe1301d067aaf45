"""All our code under the boards' compiler: no warning, the FPU's own arithmetic, no heap memory.

The flags are the boards', but the cores are the fakes, so this tests our objects and not whole images.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import arduino_ide
import pytest

ROOT = Path(__file__).parents[2]
APP, LIBRARIES, FAKE = ROOT / "firmware/src/arduino", ROOT / "firmware/lib", ROOT / "tests/arduino/fake"
COMPILER = "arm-none-eabi-g++"
CHIP = ["-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-fno-exceptions", "-fno-rtti"]
FAMILIES = {
    "nano": ["-std=gnu++14", "-Os", "-mfloat-abi=softfp", "-DARDUINO_ARDUINO_NANO33BLE"],
    "bluefruit": ["-std=gnu++17", "-O2", "-ffp-contract=off", "-mfloat-abi=hard", "-DARDUINO_NRF52_ADAFRUIT",
                  "-DARDUINO_NRF52840_FEATHER_SENSE"],
}  # fmt: skip
DEFINES = [
    "-DBYTEFED_CAPACITY=500",
    "-DBYTEFED_MAX_BATCH=32",
    "-DBYTEFED_LABELS=8",
    "-DBYTEFED_MAJOR=0",
    "-DBYTEFED_MINOR=1",
    "-DBYTEFED_PATCH=0",
]


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the motion model's headers."""
    if shutil.which(COMPILER) is None:
        pytest.skip(
            f"SKIPPED: {COMPILER} is not installed: apt-get install gcc-arm-none-eabi libstdc++-arm-none-eabi-newlib"
        )
    folder = tmp_path_factory.mktemp("model")
    subprocess.run([sys.executable, ROOT / "tools/model_to_c.py", ROOT / "models/motion", folder], check=True)
    return folder


def compile_all(sources: list[Path], flags: list[str], out: Path) -> None:
    def compile_one(source: Path) -> str:
        target = out / f"{source.parent.name}-{source.stem}.o"
        command = [
            COMPILER,
            *CHIP,
            *flags,
            "-Wall",
            "-Wextra",
            "-Werror",
            "-c",
            str(source),
            "-o",
            str(target),
        ]
        done = subprocess.run(command, capture_output=True, text=True)
        return done.stderr if done.returncode else ""

    with ThreadPoolExecutor(2) as pool:
        errors = "".join(pool.map(compile_one, sources))
    assert not errors, errors[:3000]


def check(*paths: Path) -> tuple[int, str]:
    """Run tools/check_objects.py: its exit code and what it says."""
    command = [sys.executable, ROOT / "tools/check_objects.py", *paths]
    done = subprocess.run(command, capture_output=True, text=True)
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout


def app_flags(family: str, model: Path) -> list[str]:
    folders = [
        model,
        APP,
        LIBRARIES / "bytefed/src",
        LIBRARIES / "tflm_features/src",
        FAKE,
        FAKE / family,
        FAKE / "tflm",
        ROOT / "build/monocypher",
    ]
    return [*FAMILIES[family], *DEFINES, *(f"-I{folder}" for folder in folders)]


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_all_objects_of_ours(model: Path, tmp_path: Path, family: str) -> None:
    monocypher = ROOT / "build/monocypher"
    subprocess.run([sys.executable, ROOT / "tools/monocypher.py", monocypher], check=True)
    app = [*APP.glob("*.cpp"), *(APP / family).rglob("*.cpp")]
    compile_all([*app, *LIBRARIES.glob("tflm_features/src/**/*.cpp")], app_flags(family, model), tmp_path)
    library = LIBRARIES / "bytefed"
    own = json.loads((library / "library.json").read_text())["build"]["flags"]
    core = sorted((library / "src/bytefed").rglob("*.cpp"))
    core_flags = [*FAMILIES[family], *own, f"-I{library / 'src'}", "-isystem", str(monocypher)]
    compile_all(core, core_flags, tmp_path)
    objects = sorted(tmp_path.glob("*.o"))
    assert len(objects) > len(core) + 15
    code, said = check(*objects)
    assert code == 0, said
    assert f"{len(objects)} objects, 0 complaints" in said


@pytest.mark.parametrize("family", FAMILIES)
def test_objects_that_hear(model: Path, tmp_path: Path, family: str) -> None:
    """With a model of sound, which compiles what others leave out."""
    words = tmp_path / "words"
    subprocess.run(
        [sys.executable, ROOT / "tools/model_to_c.py", ROOT / "models/keywords", words], check=True
    )
    sources = [APP / "hearing.cpp", APP / "microphone.cpp"]
    compile_all(sources, app_flags(family, words), tmp_path)
    code, said = check(*tmp_path.glob("*.o"))
    assert code == 0, said
    assert "2 objects, 0 complaints" in said
    compile_all(sources, app_flags(family, model), tmp_path)
    assert (tmp_path / "arduino-hearing.o").stat().st_size < 2000  # nothing is in it


@pytest.mark.slow
@pytest.mark.parametrize("family", arduino_ide.FLAGS)
def test_the_core_with_the_arduino_ides_flags(model: Path, tmp_path: Path, family: str) -> None:
    """No flag of library.json, and yet no fused instruction."""
    core = sorted((arduino_ide.CORE / "bytefed").rglob("*.cpp"))
    flags = [*arduino_ide.FLAGS[family], "-Wall", "-Wextra", "-Werror", f"-I{arduino_ide.CORE}", "-isystem"]
    objects = arduino_ide.compiled(core, [*flags, ROOT / "build/monocypher"], tmp_path)
    code, said = check(*objects)
    assert code == 0, said
    assert f"{len(core)} objects, 0 complaints" in said
    assert merged_by_some(objects) == []


LOCAL_ARGUMENT = re.compile(r"_Z\w*I\w*_GLOBAL__N_\w*")
"""A template's function that was made for a name in an unnamed namespace, as the ABI of C++ writes it."""


def merged_by_some(objects: list[Path]) -> list[str]:
    """Functions of templates in several objects that only a local name tells apart.

    They are different functions, but not to all compilers: GCC 14 once made twobit's encoder onebit's.
    """
    command = ["arm-none-eabi-nm", "--defined-only", "--just-symbols", *objects]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return [name for name, times in Counter(filter(LOCAL_ARGUMENT.fullmatch, said)).items() if times > 1]


def test_functions_that_some_compilers_merge_are_found(tmp_path: Path) -> None:
    template = "template <const int& n> int get() { return n; }\nnamespace { constexpr int kN = %d; }\n"
    for name in ("one", "two"):
        source = tmp_path / f"{name}.cpp"
        source.write_text(
            template % len(name) + f"int (*const {name})() = get<kN>;\nint {name}_() {{ return {name}(); }}\n"
        )
    made = arduino_ide.compiled(sorted(tmp_path.glob("*.cpp")), [*arduino_ide.FLAGS["nano"], "-O0"], tmp_path)
    assert merged_by_some(made)


def test_software_floating_point_is_found(model: Path, tmp_path: Path) -> None:
    """It would be there with the flags that PlatformIO's builder chooses for the Nano."""
    flags = [flag.replace("softfp", "soft") for flag in app_flags("nano", model)]
    compile_all([APP / "window.cpp"], flags, tmp_path)
    code, said = check(tmp_path / "arduino-window.o")
    assert code == 1 and "software floating point: __aeabi_fdiv" in said


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("int* make() { return new int[3]; }", "heap memory: _Znaj"),
        ("#include <cstdlib>\nvoid* make() { return std::calloc(2, 3); }", "heap memory: calloc"),
        ("double make(double x) { return x * 3; }", "software floating point: __aeabi_dmul"),
        ("float make(long long x) { return x; }", "software floating point: __aeabi_l2f"),
        ("float make(float x, float y) { return x * y + 1; }", "fused multiply-add"),
    ],
)
def test_what_must_not_be_is_found(model: Path, tmp_path: Path, code: str, complaint: str) -> None:
    source = tmp_path / "bad.cpp"
    source.write_text(code)
    compile_all([source], ["-O2", "-mfloat-abi=hard"], tmp_path)
    (made,) = tmp_path.glob("*.o")
    status, said = check(made)
    assert status == 1 and complaint in said
