"""Models of the emulated chip broken on purpose: the image of tests/emulator/metal finds each of them.

`python tests/emulator/broken_models.py [FIRST]` builds the emulator with one broken model after the other and says
which group of checks found it. `test_broken_models.py` holds the texts below to the sources.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "firmware" / "emulator"


@dataclass(frozen=True)
class Broken:
    """A model's text, what stands there instead, and the group of checks that shall fail."""

    file: str
    text: str
    instead: str
    group: str


BROKEN = (
    Broken("chip/exceptions.cpp", "cpu.get_floats(frame.floats);", "", "fp-context"),
    Broken("chip/exceptions.cpp", "(handler ? 0 : 8)", "8", "nvic"),
    Broken("chip/nvic.cpp", "masks.basepri & kPriorityBits", "masks.basepri & 0xFF", "masks"),
    Broken("chip/nvic.cpp", "if (line_[exception]) pending_[exception] = true;", "", "nvic"),
    Broken("chip/system_control.cpp", "tick_.in(tick_reload_ + 1);\n}", "}", "systick"),
    Broken("chip/chip.cpp", "without_primask.primask = false;", "{}", "sleep"),
    Broken("chip/cpu.cpp", "  memcpy(bytes, repair_.data(), repair_.size());\n", "  (void)bytes;\n", "nvmc"),
    Broken("chip/cpu.cpp", "cpu.set(Register::kXpsr, xpsr & ~kItState);", "{}", "it-block"),
    Broken("peripherals/nvmc.cpp", "bytes[i] &= static_cast", "bytes[i] = static_cast", "nvmc"),
    Broken("peripherals/nvmc.cpp", "events().stall(kEraseTime);", "", "nvmc"),
    Broken("peripherals/rtc.cpp", "kMask = 0xFFFFFF;", "kMask = 0xFFFFFFFF;", "rtc"),
    Broken("peripherals/power_clock.cpp", "reasons_ &= ~value;", "reasons_ = 0;", "soft-reset"),
    Broken("peripherals/watchdog.cpp", "if (!runs_ || !locked) ", "", "watchdog"),
    Broken("peripherals/watchdog.cpp", "postponed_.in(2 * 15625 / 8);", "bite();", "watchdog-reset"),
    Broken("peripherals/gpio.cpp", "if (it.configuration & kInputOff) return false;", "", "gpio"),
    Broken("peripherals/gpiote.cpp", "high ? kRising : kFalling", "high ? kFalling : kRising", "gpiote"),
    Broken("peripherals/pwm.cpp", "period() * steps * repeats", "period() * steps", "pwm"),
    Broken("peripherals/uarte.cpp", "sent_.in(count * byte_time());", "sent_.in(0);", "uarte"),
    Broken("peripherals/twi.cpp", "reg(kErrorSource) |= kAddressRefused;", "", "twi"),
    Broken("peripherals/radio/radio.cpp", "packet.address_end() - kTransmitDelay", "packet.end()", "fixed-ppi"),
    Broken("peripherals/radio/radio.cpp", "packet.crc_bits = crc().bits;", "packet.crc_bits = 0;", "fixed-ppi"),
    Broken("sensors/lsm9ds1.cpp", "70e-3, 70e-3}", "61e-3, 61e-3}", "sensor"),
    Broken("peripherals/pdm.cpp", "buffer_ + 2 * filled_", "reg(kPointer) + 2 * filled_", "pdm"),
    Broken("peripherals/pdm.cpp", "? 80 : 64", "? 64 : 80", "pdm"),
    Broken("peripherals/pdm.cpp", "filled_ < places_", "filled_ + 1 < places_", "pdm"),
    Broken("peripherals/pdm.cpp", "put(hear(reg(kGainRight)))", "put(hear(reg(kGainLeft)))", "pdm"),
    Broken("peripherals/pdm.cpp", "decibels / 20", "decibels / 10", "pdm"),
    Broken("peripherals/pdm.cpp", "std::clamp(sample, -32768.0, 32767.0)", "static_cast<int>(sample)", "pdm"),
    Broken("peripherals/pdm.cpp", "if (ending_) {", "if (ending_ && filled_ == places_) {", "pdm"),
    Broken("peripherals/pdm.cpp", "offset == kEnable &&", "offset == kMode &&", "pdm"),
    Broken("sensors/sound.cpp", "rest * hertz_ /", "rest * (hertz_ + 999) /", "pdm"),
)  # fmt: skip


def find(broken: Broken, folder: Path) -> str:
    """Build the emulator with a broken model in `folder` and return what the image's checks say of it."""
    from emulator_process import Chip
    from sounds import write_wav
    from test_metal import RECORDING, RISING

    source = folder / "source" / broken.file
    whole = source.read_text()
    source.write_text(whole.replace(broken.text, broken.instead))
    try:
        built = subprocess.run(
            ["cmake", "--build", folder / "build"], capture_output=True, text=True, check=False
        )
        if built.returncode != 0:
            return "does not compile:\n" + built.stdout[-1000:]
        recording = folder / "recording.csv"
        recording.write_text(RECORDING)
        sound = write_wav(folder / "sound.wav", np.tile(RISING, 600))
        sensors = ("--sensor", f"lsm9ds1:{recording}", "--sensor", f"microphone:{sound}")
        options = ("--faults", "handle", *sensors, "--seconds", "20")
        image = ROOT / "build" / "metal" / "metal.elf"
        printed: list[str] = []
        try:
            with Chip(folder / "build" / "bytefed-nrf52840", image, folder / "port", *options) as chip:
                try:
                    chip.wait_for("END of checks", seconds=200)
                finally:
                    printed = chip.printed()
        except (AssertionError, subprocess.TimeoutExpired):
            return "hangs after " + " ".join(printed[-1:])
        groups = [line for line in printed if line.startswith("GROUP")]
        return ", ".join(line.split()[1].rstrip(":") for line in groups if not line.endswith(" 0 failed"))
    finally:
        source.write_text(whole)


def main() -> int:
    """Break one model after the other; the exit status is the number of those that were not found."""
    sys.path.insert(0, str(Path(__file__).parent))
    unicorn = find_spec("unicorn")
    assert unicorn is not None and unicorn.origin is not None, "pip install unicorn"
    folder = ROOT / "build" / "broken-models"
    shutil.rmtree(folder / "source", ignore_errors=True)
    shutil.copytree(SOURCES, folder / "source")
    subprocess.run(
        [
            "cmake", "-S", folder / "source", "-B", folder / "build", "-G", "Ninja",
            f"-DUNICORN_DIR={Path(unicorn.origin).parent}", "-DCMAKE_CXX_FLAGS=-O1 -Wno-error=unused-variable",
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    missed = 0
    for broken in BROKEN[int(sys.argv[1]) if len(sys.argv) > 1 else 0 :]:
        said = find(broken, folder)
        found = broken.group in said.replace(",", " ").split() or said.startswith("hangs")
        missed += not found
        print(f"{'found ' if found else 'MISSED'} {broken.file}: {broken.text.splitlines()[0]} -> {said}")  # noqa: T201
    return missed


if __name__ == "__main__":
    sys.exit(main())
