"""PlatformIO compiles what a board's image has a place for: tools/pio_sources.py, run as PlatformIO runs it."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PDM = (
    "/packages/framework-arduino-mbed/libraries/PDM/src/nrf52/PDM.cpp",
    "/packages/framework-arduinoadafruitnrf52/libraries/PDM/src/PDM.cpp",
)


class Environment(dict[str, str]):
    """As much of SCons's environment as the script asks for."""

    def __init__(self, model: str) -> None:
        super().__init__(PROJECT_DIR=str(ROOT))
        self.model = model
        self.middleware: Callable[[object], object] = lambda node: node

    def GetProjectOption(self, name: str) -> str:  # noqa: N802
        assert name == "custom_model"
        return self.model

    def AddBuildMiddleware(self, middleware: Callable[[object], object]) -> None:  # noqa: N802
        self.middleware = middleware


def compiled(model: str, *sources: str) -> list[str]:
    """Return those of the sources that an image with this model is made of."""
    environment = Environment(model)
    script = str(ROOT / "tools" / "pio_sources.py")
    runpy.run_path(script, {"env": environment, "Import": lambda *_: None})
    return [source for source in sources if environment.middleware(source) == source]


@pytest.fixture(autouse=True)
def of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BYTEFED_MODEL", raising=False)


def test_the_microphones_library_is_for_models_that_hear() -> None:
    assert compiled("keywords", *PDM) == list(PDM)
    assert compiled("motion", *PDM) == []


def test_a_model_of_the_environment_comes_before_that_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BYTEFED_MODEL", str(ROOT / "models" / "keywords"))
    assert compiled("motion", *PDM) == list(PDM)


def test_a_model_that_is_not_there_ends_the_build() -> None:
    with pytest.raises(SystemExit, match="no model 'nothing'"):
        compiled("nothing", *PDM)


def test_kernels_of_no_model_and_the_other_transport_are_left_out() -> None:
    kernels = "/Chirale_TensorFLowLite/src/tensorflow/lite/micro/kernels/"
    sources = [
        kernels + "conv_common.cpp",
        kernels + "while.cpp",
        "/ArduinoBLE/src/utility/HCICordioTransport.cpp",
    ]
    assert compiled("digits", *sources, "/core/main.cpp") == [sources[0], "/core/main.cpp"]
