"""One kernel, the same bits: numpy (within rounding), this machine in several builds, and a Cortex-M4F."""

from __future__ import annotations

import shutil
import struct
import subprocess
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import arduino_ide
import numpy as np
import pytest
from emulated import ROOT, RunImage

from bytefed import _core
from bytefed.codec import CODECS

_CORE = ROOT / "firmware" / "lib" / "bytefed" / "src"
_MODULES = ("learning/*.cpp", "codec/*.cpp", "protocol/crc.cpp")
_FLAGS = ("-std=gnu++14", "-ffp-contract=off")
_REFERENCE = ("g++", "-O2")
_BUILDS = {
    "gcc-avx2": ("g++", "-O3", "-mavx2", "-mfma"),
    "clang": ("clang++", "-O2"),
    "clang-avx2": ("clang++", "-O3", "-mavx2", "-mfma"),
}
_GCC_ONLY = ("--param", "max-inline-insns-single=500")
_EXACT_ONLY = {"huge_rate", "tiny_rate", "denormal_head"}  # where float32 and float64 rightly part


@dataclass(frozen=True)
class Outcome:
    """A line of same_bits.cpp: a scenario, and what came out of it."""

    name: str
    features: int
    classes: int
    samples: int
    zero_point: int
    scale: float
    epochs: int
    batch: int
    rate: float
    seed: int
    extremes: bool
    start: float
    head_crc: int
    loss: float
    correct: int


def parse(text: str) -> dict[str, Outcome]:
    outcomes = {}
    for line in text.splitlines():
        name, *words = line.split()
        if not words or name == "codec":  # the self-test's word, or a codec
            continue
        d, c, n, zero, scale, epochs, batch, rate, seed, fill, start, crc, loss, correct = (
            int(word, 16) for word in words
        )
        outcomes[name] = Outcome(
            name, d, c, n, as_int8(zero), as_float(scale), epochs, batch, as_float(rate), seed, bool(fill),
            as_float(start), crc, as_float(loss), correct,
        )  # fmt: skip
    return outcomes


def as_float(bits: int) -> float:
    return float(struct.unpack("<f", struct.pack("<I", bits))[0])


def as_int8(byte: int) -> int:
    return byte - 256 if byte > 127 else byte


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the output of same_bits.cpp on this machine, plainly built."""
    return run_build(_REFERENCE, tmp_path_factory.mktemp("same_bits"))


def run_build(build: Sequence[str], folder: Path) -> str:
    compiler, *options = build
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    program = folder / "same_bits"
    sources = [ROOT / "tests" / "qemu" / name for name in ("same_bits.cpp", "host_console.cpp")]
    sources += [path for pattern in _MODULES for path in (_CORE / "bytefed").glob(pattern)]
    includes = [f"-I{_CORE}", f"-I{ROOT / 'firmware' / 'src' / 'qemu'}"]
    subprocess.run([compiler, *_FLAGS, *options, *includes, *sources, "-o", program], check=True)
    return subprocess.run([program], capture_output=True, text=True, check=True).stdout


def test_enough_is_tried(reference: str) -> None:
    outcomes = parse(reference)
    steps = {o.name: o.epochs * -(-o.samples // o.batch) for o in outcomes.values()}
    assert steps["usual"] >= 10_000
    assert {(o.features % 4, o.classes > 10) for o in outcomes.values()} >= {
        (0, False),
        (1, True),
        (3, False),
    }
    assert {o.extremes for o in outcomes.values()} == {True, False}
    assert len({o.head_crc for o in outcomes.values()}) == len(outcomes)


def test_a_cortex_m4f_gives_the_same_bits(reference: str, run_image: RunImage) -> None:
    done = run_image("same-bits")
    assert (done.returncode, done.stderr) == (0, reference)


def arduino_image(
    board: str, core: Path, folder: Path, compiler: Sequence[str | Path] = (arduino_ide.COMPILER,)
) -> str:
    """Build same_bits.cpp with a core as the Arduino IDE compiles it for a board; return the image's name."""
    qemu = ROOT / "firmware/src/qemu"
    flags = [*arduino_ide.FLAGS[board], f"-I{core}", f"-I{qemu}"]
    own = [ROOT / "tests/qemu/same_bits.cpp", qemu / "console.cpp", qemu / "startup.cpp"]
    objects = arduino_ide.compiled(own, [*flags, "-std=gnu++14"], folder, compiler)
    sources = [path for pattern in _MODULES for path in sorted((core / "bytefed").glob(pattern))]
    objects += arduino_ide.compiled(sources, flags, folder, compiler)
    link = ["--specs=nano.specs", "-nostartfiles", "-Wl,--gc-sections", f"-T{qemu / 'link.ld'}"]
    command = [arduino_ide.COMPILER, *flags, *link, *objects, "-o", folder / f"{board}.elf"]
    subprocess.run(command, check=True)
    return str(folder / board)


@pytest.mark.parametrize("board", arduino_ide.FLAGS)
def test_the_arduino_ides_flags_give_the_same_bits(
    board: str, reference: str, run_image: RunImage, tmp_path: Path
) -> None:
    done = run_image(arduino_image(board, _CORE, tmp_path))
    assert (done.returncode, done.stderr) == (0, reference)
    assert reference.endswith("\nexact\n")


@pytest.mark.parametrize("board", arduino_ide.FLAGS)
def test_those_flags_alone_would_not_and_the_self_test_sees_it(
    board: str, reference: str, run_image: RunImage, tmp_path: Path
) -> None:
    core = Path(shutil.copytree(_CORE, tmp_path / "src"))
    (core / "bytefed/exact_arithmetic.h").write_text("#pragma once\n")
    done = run_image(arduino_image(board, core, tmp_path))
    assert done.returncode == 0 and done.stderr.endswith("\ninexact\n")
    assert parse(done.stderr)["usual"].head_crc != parse(reference)["usual"].head_crc


def test_clang_gives_a_cortex_m4f_the_same_bits(reference: str, run_image: RunImage, tmp_path: Path) -> None:
    """Another compiler than any core's, with the flags of the Nano's."""
    compiler = arduino_ide.clang(arduino_ide.FLAGS["nano"])
    done = run_image(arduino_image("nano", _CORE, tmp_path, compiler))
    assert (done.returncode, done.stderr) == (0, reference)


def test_clang_refuses_to_reorder_sums(tmp_path: Path) -> None:
    """It has no pragma against -Ofast, so the header stops it."""
    flags = [flag for flag in arduino_ide.FLAGS["bluefruit"] if flag not in _GCC_ONLY]
    with pytest.raises(AssertionError, match="-ffast-math lets the compiler reorder sums"):
        arduino_ide.compiled(
            [_CORE / "bytefed/learning/trainer.cpp"],
            [*flags, f"-I{_CORE}"],
            tmp_path,
            arduino_ide.clang(flags),
        )


@pytest.mark.parametrize("build", _BUILDS)
def test_other_builds_give_the_same_bits(build: str, reference: str, tmp_path: Path) -> None:
    if "-mavx2" in _BUILDS[build] and not _has_avx2():
        pytest.skip("this machine has no AVX2 with FMA")
    assert run_build(_BUILDS[build], tmp_path) == reference


def _has_avx2() -> bool:
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    except OSError:
        return False
    return {"avx2", "fma"} <= set(flags)


def test_the_binding_gives_the_same_bits(reference: str) -> None:
    for outcome in parse(reference).values():
        head, loss, correct = train_with_core(outcome)
        assert (zlib.crc32(head.tobytes()), loss, correct) == (
            outcome.head_crc,
            outcome.loss,
            outcome.correct,
        )


def test_the_binding_gives_the_same_blobs(reference: str) -> None:
    heads = {name: (train_with_core(outcome)[0], outcome.seed) for name, outcome in parse(reference).items()}
    lines = [line.split() for line in reference.splitlines() if line.startswith("codec")]
    assert len(lines) == len(CODECS) * len(heads)
    for _, number, name, *crcs in lines:
        head, seed = heads[name]
        values = head.copy()
        blob = _core.encode(int(number, 16), values, seed)
        found = [zlib.crc32(blob), zlib.crc32(values.tobytes())]
        _core.decode(int(number, 16), blob, seed, values)
        found.append(zlib.crc32(values.tobytes()))
        assert [int(crc, 16) for crc in crcs] == found, (number, name)


def test_numpy_agrees_within_rounding(reference: str) -> None:
    for outcome in parse(reference).values():
        if outcome.name in _EXACT_ONLY:
            continue
        head, loss, correct = train_with_core(outcome)
        reference, reference_loss, reference_correct = train_with_numpy(outcome)
        np.testing.assert_allclose(head, reference, rtol=2e-3, atol=2e-4, err_msg=outcome.name)
        assert loss == pytest.approx(reference_loss, rel=1e-2, abs=1e-5)
        assert correct == reference_correct


# ---- The same data, and the training of SPEC 7, in numpy


def mix32(x: np.ndarray) -> np.ndarray:
    x = x.astype(np.uint64)
    x ^= x >> 16
    x = x * 0x7FEB352D & 0xFFFFFFFF
    x ^= x >> 15
    x = x * 0x846CA68B & 0xFFFFFFFF
    return x ^ x >> 16


def noise(seed: int, a: int, count: int) -> np.ndarray:
    first = mix32(np.array([seed * 65536 + a & 0xFFFFFFFF]))
    return (
        (mix32(first + np.arange(count, dtype=np.uint64) & 0xFFFFFFFF) >> 24).astype(np.uint8).view(np.int8)
    )


def halved(values: np.ndarray) -> np.ndarray:
    """Half of int8 values, towards zero, as C++ divides."""
    return np.trunc(values.astype(np.float64) / 2).astype(np.int8)


def samples_of(outcome: Outcome) -> tuple[np.ndarray, np.ndarray]:
    y = (np.arange(outcome.samples) % outcome.classes).astype(np.uint8)
    rows = []
    for sample, label in enumerate(y):
        own = noise(outcome.seed, 1000 + sample, outcome.features)
        if outcome.extremes:
            rows.append(np.where(own < 0, -128, 127).astype(np.int8))
        else:
            rows.append(halved(noise(outcome.seed, int(label), outcome.features)) + halved(own))
    return np.stack(rows), y


def train_with_core(outcome: Outcome) -> tuple[np.ndarray, float, int]:
    x, y = samples_of(outcome)
    head = np.full((outcome.features + 1) * outcome.classes, outcome.start, np.float32)
    loss, correct = _core.train(
        head, x, y, outcome.classes, scale=outcome.scale, zero_point=outcome.zero_point, epochs=outcome.epochs,
        batch=outcome.batch, rate=outcome.rate, seed=outcome.seed, round=1,
    )  # fmt: skip
    return head, loss, correct


def train_with_numpy(outcome: Outcome) -> tuple[np.ndarray, float, int]:
    q, y = samples_of(outcome)
    x = outcome.scale * (q.astype(np.float64) - outcome.zero_point)
    W = np.full((outcome.features, outcome.classes), outcome.start)
    b = np.full(outcome.classes, outcome.start)
    for epoch in range(outcome.epochs):
        loss, correct = 0.0, 0
        order = _core.shuffled(outcome.seed, 1, epoch, outcome.samples)
        for first in range(0, outcome.samples, outcome.batch):
            batch = order[first : first + outcome.batch]
            z = x[batch] @ W + b
            e = np.exp(z - z.max(axis=1, keepdims=True))
            p = e / e.sum(axis=1, keepdims=True)
            loss -= float(np.log(p[np.arange(len(batch)), y[batch]]).sum())
            correct += int((z.argmax(axis=1) == y[batch]).sum())
            g = (np.eye(outcome.classes)[y[batch]] - p) * (outcome.rate / len(batch))
            W += x[batch].T @ g
            b += g.sum(axis=0)
    return np.concatenate([W.ravel(), b]), loss / outcome.samples, correct
