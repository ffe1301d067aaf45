"""The emulated boards' own extractor gives the features that Python's does, to the bit: TensorFlow Lite Micro on both.

It needs the package that platformio.ini declares, which CI has not: BYTEFED_TFLM_DIR names its folder.
"""

from __future__ import annotations

import asyncio
import math
import os
import subprocess
import zlib
from pathlib import Path

import numpy as np
import pytest
from emulated import ROOT, heads
from mcu_counts import EXTRACTOR_STACK, EXTRACTORS, count
from numpy.typing import NDArray

from bytefed.boards.open import VirtualOptions, open_devices
from bytefed.boards.virtual import BoardKind
from bytefed.data.load import load_task
from bytefed.device.device import Device
from bytefed.device.plan import Samples
from bytefed.errors import DataError
from bytefed.extractor.extractor import Extractor
from bytefed.extractor.manifest import Manifest, model_folder
from bytefed.federation.config import RunConfig
from bytefed.federation.experiment import begin

MODELS = ("digits", "digits04", "motion", "gesture")
"""Those whose windows boards take over a link; one of sound has no room there."""
_EXTRACTOR = 1  # capability


@pytest.fixture(scope="session")
def tflm_images(images: Path) -> Path:
    """The folder of images with extractors."""
    package = os.environ.get("BYTEFED_TFLM_DIR")
    if not package:
        pytest.skip("BYTEFED_TFLM_DIR names no folder of Chirale_TensorFLowLite")
    folder = ROOT / "build" / "qemu-tflm"
    for step in (
        ["cmake", "--preset", "qemu", "-B", folder, f"-DBYTEFED_TFLM_DIR={Path(package).resolve()}"],
        [
            "cmake",
            "--build",
            folder,
            "--target",
            *(f"board-{name}" for name in MODELS),
            *(f"extractor-{name}" for name in EXTRACTORS),
        ],
    ):
        done = subprocess.run(step, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture
def own_images(tflm_images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BYTEFED_QEMU_IMAGES", str(tflm_images))


def differing(name: str, inputs: NDArray[np.int8]) -> list[slice]:
    """Blocks of inputs that a board makes other features of than Python does."""
    manifest, extractor = Manifest.load(model_folder(name)), Extractor.load(name)
    features = extractor.extract(inputs)

    async def compare() -> list[slice]:
        options = VirtualOptions(BoardKind(manifest.D, manifest.C, name))
        async with open_devices(["qemu:1"], options) as (device,):
            await device.connect(run=1)
            assert device.board.capabilities & _EXTRACTOR
            assert device.board.model == manifest.model_hash
            cuts = range(0, len(inputs), device.stored.capacity)
            blocks = [slice(cut, cut + device.stored.capacity) for cut in cuts]
            return [b for b in blocks if not await board_agrees(device, extractor, inputs[b], features[b])]

    return asyncio.run(compare())


async def board_agrees(
    device: Device, extractor: Extractor, inputs: NDArray[np.int8], features: NDArray[np.int8]
) -> bool:
    """Have a board extract features of inputs; whether its store's CRC-32 is that of the expected ones."""
    labels, meaning = np.zeros(len(inputs), np.uint8), extractor.quantization
    none = labels[:0]
    await device.provision(
        Samples("inputs", inputs, labels, inputs[:0], none, meaning.scale, meaning.zero_point)
    )
    assert device.stored.train == len(inputs)
    expected = Samples("features", features, labels, features[:0], none, meaning.scale, meaning.zero_point)
    return device.stored.crc == expected.store_crc()


@pytest.mark.parametrize("name", MODELS)
def test_all_federated_samples(own_images: None, name: str) -> None:
    folder = os.environ.get("BYTEFED_DATA_DIR")
    try:
        task = load_task(name, Path(folder) if folder and name == "gesture" else None)
    except DataError as error:
        pytest.skip(str(error))
    assert task.inputs is not None
    assert differing(name, task.inputs) == []


@pytest.mark.parametrize("name", MODELS)
def test_random_inputs(own_images: None, name: str) -> None:
    shape = Manifest.load(model_folder(name)).input_shape
    inputs = np.random.default_rng(11).integers(-128, 128, (400, *shape)).astype(np.int8)
    assert differing(name, inputs) == []


def test_one_wrong_feature_is_found(own_images: None) -> None:
    """The comparison itself: a single bit of 20 samples' features."""
    extractor = Extractor.load("digits")
    inputs = np.random.default_rng(12).integers(-128, 128, (20, *extractor.input_shape)).astype(np.int8)
    features = extractor.extract(inputs)
    features[7, 3] ^= 1

    async def compare() -> bool:
        async with open_devices(["qemu:1"], VirtualOptions(BoardKind(32, 10, "digits"))) as (device,):
            await device.connect(run=1)
            return await board_agrees(device, extractor, inputs, features)

    assert not asyncio.run(compare())


@pytest.mark.parametrize("name", EXTRACTORS)
def test_the_page_of_costs_tells_what_an_extractor_takes(tflm_images: Path, name: str) -> None:
    counts = count(tflm_images / f"extractor-{name}.elf")
    assert counts["extractor_insn"] == pytest.approx(EXTRACTORS[name], rel=0.03)
    assert counts["extractor_stack_bytes"] == pytest.approx(EXTRACTOR_STACK, rel=0.03)


@pytest.mark.parametrize("name", EXTRACTORS)
def test_the_window_that_is_counted_has_python_s_features(tflm_images: Path, name: str) -> None:
    extractor = Extractor.load(name)
    numbers = np.arange(math.prod(extractor.input_shape), dtype="<u4")
    values = np.array([zlib.crc32(number.tobytes()) for number in numbers], np.uint32).astype(np.int8)
    features = extractor.extract(values.reshape(1, *extractor.input_shape))
    found = count(tflm_images / f"extractor-{name}.elf")["extractor_features_crc32"]
    assert found == zlib.crc32(features.tobytes())


def test_a_run_makes_the_heads_of_virtual_boards(own_images: None, tmp_path: Path) -> None:
    """Raw inputs go to the boards of both kinds."""
    summaries = {}
    for kind in ("qemu", "loopback"):
        settings = {"boards": (f"{kind}:4",), "data": "digits", "rounds": 2, "seed": 3}
        config = RunConfig.resolve(None, settings)
        summaries[kind] = asyncio.run(begin(config, tmp_path / kind, lambda event: None))
        assert summaries[kind]["estimate_exact"]
    assert heads(tmp_path / "qemu") == heads(tmp_path / "loopback")
    assert summaries["qemu"]["wire_total"] == summaries["loopback"]["wire_total"]
