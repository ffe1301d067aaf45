"""Ways to bring each error about from the command line, and the commands that an error can end."""

from __future__ import annotations

import errno
import json
import os
import shutil
import socket
import sqlite3
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NoReturn

import fake_emulator
import numpy as np
import pytest
from edited_models import edited, with_softmax
from said_words import save
from small_images import CORTEX_M33, XTENSA, write_bootloader, write_elf

from bytefed.cli import train_model
from bytefed.cli.main import main
from bytefed.extractor import manifest
from bytefed.extractor.runtime import Whole

MODELS = Path(__file__).resolve().parents[3] / "models"
STANDS_FOR = {
    "N": "9",
    "P": "0.5",
    "C": "3",
    "BOARD": "nano33ble",
    "DIR": "it",
    "FILE": "model.tflite",
    "FILE.npz": "good.npz",
    "NAME": "mine",
    "PATH": "s",
}
"""Values to type for the words in capitals in remedies."""

_LEARN = ("run", "gateway")
_DATA = ("run", "simulate", "partition", "gateway")
_BOARDS = ("run", "gateway", "devices", "capture", "watch", "record")
_REPLAYS = ("board", "capture", "record")
CODES_OF_PLACES: dict[str, tuple[str, ...]] = {
    **{f"cli/commands/{name}.py": (name,) for name in (
        "run", "simulate", "report", "estimate", "sweep", "partition", "devices", "capture", "flash", "doctor",
        "board", "model", "gateway", "keys", "labels", "export", "watch", "record", "ui", "audit",
    )},
    "cli/commands/pair.py": ("pair", "keys"),
    "audit/": ("audit",),
    "cli/own_models.py": ("model",),
    "cli/train_model.py": ("model",),
    "cli/capturing.py": ("capture",),
    "cli/replaying.py": ("capture", "record"),
    "cli/": ("run",),
    "boards/nrf52840/": ("run", "gateway", "devices", "capture", "board", "flash"),
    "boards/cable.py": ("pair", "keys"),
    "boards/hearing.py": _REPLAYS,
    "boards/replay.py": _REPLAYS,
    "boards/virtual.py": ("board",),
    "boards/": _BOARDS,
    "codec/": ("run", "gateway", "simulate", "estimate", "sweep"),
    "data/own_training.py": ("model",),
    "data/recorded.py": ("record",),
    "data/": _DATA,
    "device/labels.py": ("labels", "run"),
    "device/naming.py": ("capture",),
    "device/recording.py": ("record", "capture"),
    "device/watch.py": ("watch",),
    "device/round.py": _LEARN,
    "device/pairing.py": ("pair", "keys"),
    "device/": (*_BOARDS, "doctor"),
    "download.py": _DATA,
    "errors.py": _BOARDS,
    "export/": ("export",),
    "extractor/cut.py": ("model",),
    "extractor/edit.py": ("model", "export"),
    "extractor/describe.py": ("model",),
    "extractor/own.py": ("model",),
    "extractor/sensor.py": ("model",),
    "extractor/": ("board", *_DATA),
    "federation/assignment.py": _LEARN,
    "federation/config.py": _LEARN,
    "federation/private.py": ("run", "simulate"),
    "federation/summed.py": ("run",),
    "federation/rules.py": (*_LEARN, "simulate"),
    "federation/start.py": ("run", "simulate"),
    "federation/": _LEARN,
    "gateway/": ("gateway",),
    "keys/handover.py": ("keys",),
    "keys/": (*_BOARDS, "doctor", "pair", "keys"),
    "ledger/amounts.py": ("estimate", "run", "simulate"),
    "ledger/budget": ("estimate", "run", "simulate"),
    "ledger/estimate_sums.py": ("estimate",),
    "ledger/estimate.py": ("estimate", "sweep"),
    "ledger/": ("run", "estimate"),
    "privacy/": ("run", "simulate"),
    "protocol/": (*_LEARN, "simulate", "estimate"),
    "ui/beside_run.py": ("run", "ui"),
    "report/": ("report",),
    "result.py": ("report",),
    "runs/use_log.py": ("watch", "record"),
    "runs/": (*_LEARN, "simulate"),
    "simulation/sweep": ("sweep",),
    "simulation/": ("simulate",),
    "strategies/": ("run", "simulate"),
    "tracking/": ("run", "simulate"),
    "ui/": ("ui",),
    "transport/faults.py": _LEARN,
    "transport/": (*_BOARDS, "doctor"),
}  # fmt: skip
"""Modules, by how their paths begin, to the commands that their errors can end; the first that fits counts.

`board --replay`, `sweep` and others take data sets by their names alone, so nothing is wrong with files there.
"""


class Place:
    """A folder to fail in, with what remedies speak of: a run called `it`, a model, good data."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.patch, self.at_end = folder, monkeypatch, ExitStack()
        monkeypatch.setenv(manifest.VARIABLE, str(folder / "models"))

    def npz(self, name: str = "bad.npz", **arrays: Any) -> str:
        """Save arrays, and return a command that reads them."""
        good = {"X": np.eye(40, 6, dtype=np.float32), "y": np.arange(40) % 3}
        np.savez(
            self.folder / name,
            **{key: value for key, value in {**good, **arrays}.items() if value is not None},
        )
        return f"partition --clients 2 --data {name}"

    def file(self, name: str, text: str = "") -> Path:
        """Write a file."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def run(self, *words: str) -> None:
        """Make the run `it`, of one round on one board."""
        status = main(["run", "--boards", "loopback:1", "--rounds", "1", "--quiet", "--no-central",
                       "--run-dir", "it", *words])  # fmt: skip
        assert status == 0

    def without_programs(self) -> None:
        """Let no other program be found."""
        self.patch.setenv("PATH", str(self.folder))

    def without(self, module: str) -> None:
        """Let a module be one that is not installed."""
        self.patch.setitem(__import__("sys").modules, module, None)

    def fails(self, owner: Any, name: str, number: int) -> None:
        """Let a call to the system fail."""

        def fail(*_: Any, **__: Any) -> NoReturn:
            raise OSError(number, os.strerror(number))

        self.patch.setattr(owner, name, fail)

    def made_real(self, command: str) -> str:
        """Return a command with what is there for the capitals in it, and in little time."""
        if "DIR" in command and not (self.folder / "it").exists():
            self.run()
        if "FILE" in command:
            shutil.copy(MODELS / "digits/digits.tflite", self.folder / "model.tflite")
        short = command in ("bytefed run --boards loopback:N", "bytefed run --boards virtual:8")
        return command + " --rounds 1 --no-central --quiet" if short else command

    @staticmethod
    def is_left_out(words: list[str]) -> bool:
        """Return whether a command would go on for ever, or needs what is not here."""
        return " ".join(words[1:3]) in (
            "board",  # serves until it is stopped
            "board --model",  # the same
            "gateway --socket",  # the same
            "devices",  # lists boards on USB; none is an error
            "devices ble:auto",  # needs a radio
            "doctor",  # looks at this machine, and says 1 where something is amiss
            "flash nano33ble",  # needs a board, and PlatformIO
            "pair nano33ble",  # needs a board
            "pair serial:auto",  # the same
            "keys rotate",  # the same
            "keys forget",  # asks first
            "model train",  # takes TensorFlow, and minutes
        ) or words[-1] == "virtual-ble:4"  # fmt: skip  # needs dbus-daemon


Way = str | Callable[[Place], str]

_RUN = "run --boards loopback:1 --rounds 1 --quiet"


def _config(text: str) -> Callable[[Place], str]:
    return lambda place: f"run --config {place.file('c.toml', text)}"


TOML_BUDGET = 'budget = "9kB"\n'


def _config_of_gateway(text: str) -> Callable[[Place], str]:
    return lambda place: f"gateway --socket s --config {place.file('c.toml', text)}"


def _strategy(text: str, name: str = "Mine") -> Callable[[Place], str]:
    def way(place: Place) -> str:
        module = f"mine_{abs(hash(text)):x}"
        place.file(f"{module}.py", text)
        return f"{_RUN} --no-central --strategy {module}:{name}"

    return way


def _model(content: bytes) -> Callable[[Place], str]:
    def way(place: Place) -> str:
        (place.folder / "bad.tflite").write_bytes(content)
        return "model add bad.tflite --name new --classes 3"

    return way


def _recordings(words: str, files: int = 6, readings: tuple[int, ...] = (12,)) -> Callable[[Place], str]:
    """A folder with so many recordings of each of two labels, of so many readings in turn."""

    def way(place: Place) -> str:
        place.patch.setattr(
            train_model, "find_spec", lambda _: True
        )  # nothing is trained where data are refused
        for number in range(files):
            for label in ("run", "walk"):
                rows = [f"{number}.5,{len(label)},{row}" for row in range(readings[number % len(readings)])]
                place.file(f"moves/{label}/{number}.csv", "\n".join(rows))
        return words

    return way


def _digits(change: Callable[[dict[str, Any]], Any]) -> Callable[[Place], str]:
    """A folder with the model of the digits, whose manifest is changed."""

    def way(place: Place) -> str:
        folder = shutil.copytree(MODELS / "digits", place.folder / "digits2")
        document = json.loads((folder / "manifest.json").read_text())
        (folder / "manifest.json").write_text(json.dumps(change(document) or document))
        return "board --model ./digits2"

    return way


def _sound(place: Place) -> str:
    """A folder of a word, and a model that takes none."""
    folder = place.folder / "words"
    for label in ("go", "stop"):
        (folder / label).mkdir(parents=True)
        (folder / label / "1.wav").write_bytes(b"RIFF")
    shutil.copy(MODELS / "motion" / "motion.tflite", folder)
    return "partition --data words"


def _silence(place: Place) -> str:
    """A virtual board whose microphone gives zeros alone."""
    for label in ("five", "six"):
        save(place.folder / "quiet" / label / "1.wav", np.zeros(16_000, np.int16))
    return "capture --board loopback:1 --model keywords --replay quiet --label five"


def _no_front_end(place: Place) -> str:
    """A model whose manifest has a front end that cannot be."""
    place.file("moves/run/1.csv", "1")
    command = _digits(lambda document: {**document, "sound": {"rate": 1}})(place)
    return command.replace("board --model", "partition --data moves --model")


def _in_use(place: Place) -> str:
    from bytefed.runs.store import Store

    place.run()
    place.at_end.callback(Store.open(place.folder / "it").close)
    return "run --resume it --rounds 2"


def _format(place: Place) -> str:
    place.run()
    with sqlite3.connect(place.folder / "it/run.db") as db:
        db.execute("UPDATE meta SET value = 'older' WHERE key = 'format'")
    return "run --resume it"


def _damaged(place: Place) -> str:
    place.run()
    (place.folder / "it/run.db").write_bytes(b"SQLite format 3\0" + bytes(5000))
    return "run --resume it"


def _foreign(place: Place) -> str:
    place.run()
    with sqlite3.connect(place.folder / "it/run.db") as db:
        db.execute("DELETE FROM meta WHERE key = 'origin'")
    return "run --resume it --rounds 2"


def _bad_rows(place: Place) -> str:
    place.run()
    (place.folder / "it/summary.json").write_bytes(b"x" * 70_000_000)
    return "report it"


def _port_taken(place: Place) -> str:
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    place.at_end.callback(listening.close)
    return f"{_RUN} --live {listening.getsockname()[1]}"


def _after_run(
    words: str, *, spoil: Callable[[Place], object] = lambda place: None
) -> Callable[[Place], str]:
    def way(place: Place) -> str:
        place.run()
        spoil(place)
        return words

    return way


def _prepared(words: str, spoil: Callable[[Place], object]) -> Callable[[Place], str]:
    def way(place: Place) -> str:
        spoil(place)
        return words

    return way


def _no_usb(place: Place) -> None:
    from bytefed.boards import ports

    place.patch.setattr(ports, "serial_ports", list, raising=False)


def _image(
    name: str = "x.elf", words: str = "devices nrf52840:./x.elf", **options: int
) -> Callable[[Place], str]:
    """An image of the kind that `write_elf` makes, beside a bootloader that fits a Feather's, and no emulator."""

    def way(place: Place) -> str:
        write_elf(place.folder / name, **options)
        place.patch.setenv("BYTEFED_BOOTLOADER", str(write_bootloader(place.folder / "boot.hex")))
        place.patch.setenv("BYTEFED_EMULATOR", str(place.folder / "nothing"))
        return words

    return way


def _no_builds(place: Place) -> None:
    place.without_programs()
    place.patch.setenv("PLATFORMIO_BUILD_DIR", str(place.folder))


def _no_bootloader(place: Place) -> str:
    write_elf(place.folder / "x.elf")
    place.patch.delenv("BYTEFED_BOOTLOADER", raising=False)
    place.patch.setenv("PLATFORMIO_PACKAGES_DIR", str(place.folder))
    return "devices nrf52840:./x.elf"


def _no_unicorn(place: Place) -> str:
    from bytefed.boards.nrf52840 import emulator

    words = _image(start=0x10000)(place)
    place.patch.delenv("BYTEFED_EMULATOR")
    place.patch.setattr(emulator, "built", place.folder.joinpath)
    place.patch.setattr(emulator, "find_spec", lambda _: None)
    return words


def _emulated(
    fault: str, program: str | None = None, words: str = "devices nrf52840:./x.elf"
) -> Callable[[Place], str]:
    """An image on the emulator's stand-in, with one of its faults, or on another program."""

    def way(place: Place) -> str:
        _image(start=0x10000)(place)
        made = fake_emulator.wrapper(place.folder)
        if program is not None:
            made.write_text(program)
        place.patch.setenv("BYTEFED_EMULATOR", str(made))
        place.patch.setenv("FAKE_EMULATOR", fault)
        place.patch.setenv("BYTEFED_BOOT_PATIENCE", "2")
        return words

    return way


KEY = "0f" * 32


def _keys(
    words: str, text: str = f'[00000000000000ab]\nname = "sill"\nkey = "{KEY}"\n', mode: int = 0o600
) -> Callable[[Place], str]:
    """A file of keys, besides another one that was exported."""

    def way(place: Place) -> str:
        place.patch.setenv("BYTEFED_KEYS", str(place.file("keys.toml", text)))
        (place.folder / "keys.toml").chmod(mode)
        place.file("other.toml", f'[00000000000000ab]\nkey = "{KEY[::-1]}"\n').chmod(0o600)
        return words

    return way


def _other_labels(place: Place) -> str:
    assert (
        main(["model", "add", f"{MODELS}/motion/motion.tflite", "--name", "gait", "--labels", "sit", "go"])
        == 0
    )
    for label in ("run", "sit"):
        for number in range(4):
            rows = "\n".join(f"{number},{row},1,2,3,4" for row in range(50))
            place.file(f"moves/{label}/{number}.csv", rows)
    return "partition --data moves --model gait --clients 2"


def _no_tables(place: Place) -> None:
    (place.folder / "theirs.tflite").write_bytes(edited(with_softmax))
    place.without("tflite_micro.tensorflow.lite.micro.python.schema_py_generated")
    place.without("ai_edge_litert.schema_py_generated")


def _other_bits(place: Place) -> None:
    place.without("tflite_micro")
    exact = Whole.run
    place.patch.setattr(Whole, "run", lambda self, inputs: exact(self, inputs) ^ 1)


def _no_tensorflow(place: Place) -> None:
    _recordings("")(place)
    place.patch.setattr(train_model, "find_spec", lambda _: None)


def _keys_in_a_file(place: Place) -> str:
    place.patch.setenv("BYTEFED_KEYS", f"{place.file('file')}/keys.toml")
    return "keys list"


def _on_features(words: str) -> Callable[[Place], str]:
    """A command after a run on features that came ready."""

    def way(place: Place) -> str:
        place.npz("good.npz")
        place.run("--data", "good.npz", "--partition", "iid")
        return words

    return way


def _untrained(place: Place) -> None:
    """Take the rounds of the run away, as if it had ended before the first."""
    with sqlite3.connect(place.folder / "it/run.db") as db:
        for table in ("heads", "rounds", "deltas", "ledger"):
            db.execute(f"DELETE FROM {table} WHERE round > 0")  # noqa: S608


def _on_boards(place: Place) -> None:
    """Let the run be one on samples that its boards had."""
    with sqlite3.connect(place.folder / "it/run.db") as db:
        db.execute(
            """UPDATE meta SET value = replace(value, 'data = "digits"', 'data = "boards"') WHERE key = 'config'"""
        )


def _simulated(place: Place) -> None:
    assert main(["simulate", "--clients", "2", "--rounds", "1", "--quiet", "--run-dir", "sim"]) == 0


def _head(**changes: Any) -> Callable[[Place], str]:
    """A head for digits, 32 features, that was learnt otherwise."""

    def way(place: Place) -> str:
        np.savez(place.folder / "other.npz", W=np.ones((32, 10), np.float32), b=np.zeros(10), **changes)
        return "run --head other.npz"

    return way


WAYS: dict[str, list[Way]] = {
    "E_IMAGE_BUILD": ["devices nrf52840:nano33bel", _prepared("flash --emulated itsybitsy_nrf52840", _no_builds)],
    "E_IMAGE_FILE": ["devices nrf52840:./none.elf", "board --image ./none.elf",
                     _prepared("devices nrf52840:./x.hex", lambda place: place.file("x.hex", "text"))],
    "E_IMAGE_CHIP": [_image(machine=XTENSA), _image(core=CORTEX_M33), _image(start=0x08000000)],
    "E_IMAGE_SYMBOLS": [_image(symbols=0)],
    "E_IMAGE_SOFTDEVICE": [_image(start=0x27000), _image(words="board --image ./x.elf", start=0x27000)],
    "E_IMAGE_BOOTLOADER": [_no_bootloader],
    "E_EMULATOR_MISSING": [_image(), _image(words="board --image ./x.elf"), _emulated("", "no program")],
    "E_EMULATOR_UNICORN": [_no_unicorn],
    "E_EMULATOR": [_emulated("", "#!/bin/sh\nexit 9\n")],
    "E_EMULATED_USB": [_emulated("silent")],
    "E_EMULATED_FAULT": [_emulated("faulty"), _emulated("faulty", words="board --image ./x.elf")],
    "E_CONFIG_STATE": [_prepared(
        "board --image ./x.elf --state file/x", lambda place: (_emulated("")(place), place.file("file")))],
    "E_CONFIG_SENSOR": [_emulated("", words="board --image ./x.elf --sensor bmi27"),
                        _emulated("", words="board --image ./x.elf --sensor bmi270:none.csv")],
    "E_KEYS_OPEN": [_keys(words, mode=0o644) for words in (
        "keys list", "keys export sill k", "pair ttyNONE", "devices ttyNONE", "run --boards ttyNONE --rounds 1")],
    "E_KEYS_DAMAGED": [_keys("keys list", text="[ab]\n"), _keys("keys forget ab --yes", text=f"x = '{KEY}"),
                       _keys("devices socket://127.0.0.1:1", text="key")],
    "E_KEYS_FILE": [_keys_in_a_file, _keys("keys import none.toml"), _keys("keys export sill keys.toml/x")],
    "E_KEYS_UNKNOWN": [_keys("keys export sil k"), _keys("keys forget 00000000000000ac")],
    "E_KEYS_EXISTS": [_keys("keys export sill other.toml")],
    "E_KEYS_OTHER": [_keys("keys import other.toml")],
    "E_PAIR_CABLE": [
        "pair ble:x", "pair ble:auto", "keys rotate ble:x", "pair virtual:1", "pair socket://example.org:1",
    ],
    "E_CONFIG_NAME": [f"pair ttyNONE --name {'x' * 61}"],
    "E_CONFIG_CONFIRM": [_keys("keys forget 00000000000000AB")],
    "E_CONFIG_OPTION": ["run --roundz 3", "partition --rounds 3", "devices --bords loopback:1", "run --rounds x"],
    "E_CONFIG_RANGE": [
        "run --rounds 0", "run --seed 5000000000", "simulate --clients 0", "partition --limit -1", "sweep --seeds 0",
        "estimate --clients 0", "board --count 0", "capture --label 1 --seconds 0", "gateway --socket s --first -1",
        "run --strategy fedtrimmedavg --beta 0.7",
    ],
    "E_CONFIG_CHOICE": [_config('partition = "dirichlt"'), "run --track tensorbord"],
    "E_CONFIG_CODEC": ["run --codec x", "estimate --codec x", "sweep --codec x"],
    "E_CONFIG_STRATEGY": ["run --strategy x", "simulate --strategy x"],
    "E_CONFIG_AMOUNT": ["estimate --budget 50", "run --budget 50KB", "simulate --budget-air 3kB"],
    "E_CONFIG_PRIVACY": ["run --epsilon 2", "run --dp sample", "estimate --dp sample --budget 9kB",
                         "sweep --dp sample --epsilon 4 --delta 1e-4 --references",
                         "simulate --clients 4 --dp sample --epsilon 2 --delta 1e-4 --local-epochs 3",
                         "simulate --clients 4 --dp sample --epsilon 2 --delta 0.1",
                         "simulate --clients 4 --dp sample --epsilon 2 --delta 1e-4 --batch-size 4",
                         "simulate --clients 4 --clip 0.5",
                         "estimate --dp board", "estimate --dp board --secure-sum --clients 63",
                         "run --dp board --epsilon 4 --delta 1e-3",
                         "run --dp board --epsilon 4 --delta 1e-3 --secure-sum",
                        "run --dp board --epsilon 0.5 --delta 1e-3 --secure-sum --codec int8 --boards loopback:64 "
                        "--partition iid"],
    "E_CONFIG_SECURE_SUM": ["run --secure-sum --strategy krum", "run --secure-sum --boards virtual:2",
                            "run --secure-sum --codec stc5", "estimate --secure-sum --clients 2",
                            "estimate --secure-sum --codec int8 --clients 65",
                            "estimate --secure-sum --loss 0.1", "simulate --secure-sum --clients 2",
                            "simulate --secure-sum --clients 4 --check 2", "sweep --secure-sum --clients 2",
                            "sweep --secure-sum --codec int8 --clients 65",
                            "gateway --socket s --boards loopback:2 --secure-sum"],
    "E_CONFIG_FIRST_ROUND": ["run --first-round class_means --strategy krum",
                             "run --first-round class_means --personal",
                             "run --first-round class_means --learning-rate 1e-6",
                             "simulate --first-round class_means --secure-sum",
                             "simulate --first-round class_means --links ble --budget-energy 5mJ",
                             "estimate --first-round class_means --from-head",
                             "estimate --first-round class_means --link ble --budget-energy 5mJ",
                             "sweep --first-round class_means --secure-sum",
                             _config_of_gateway('first_round = "class_means"')],
    "E_CONFIG_BUDGET": ["estimate --budget 9kB --budget-air 3s", _config_of_gateway(TOML_BUDGET)],
    "E_BUDGET_TOO_SMALL": ["estimate --budget 100B", "simulate --clients 4 --budget 90B", "run --budget 80B",
                           "estimate --budget 1kB --rounds 1000"],
    "E_BUDGET_LINK": ["estimate --budget-air 3s", "simulate --clients 4 --budget-energy 1mJ"],
    "E_CONFIG_FAULTS": ["run --faults x=1", "run --faults drop=2", "run --faults drop=x"],
    "E_CONFIG_BOARDS": ["run --boards x", "devices x:1", "run --boards virtual:0", "run --boards serial:",
                        "record --board loopback:2 --label walk --out moves"],
    "E_CONFIG_FILE": ["run --config nothing.toml", _config("rounds = ")],
    "E_CONFIG_KEY": [_config("roundz = 3"), _config("zzzzzz = 3")],
    "E_CONFIG_TYPE": [_config('rounds = "x"')],
    "E_CONFIG_AIR": ["estimate --link ble --air-table nothing", "run --air-table nothing"],
    "E_CONFIG_LABEL": ["capture --board loopback:1 --label Wlking", "capture",
                       "capture --board loopback:1 --delete jmp",
                       "record --board loopback:1 --label ../walk --out moves"],
    "E_BOARD_STORE_FULL": ["capture --board loopback:1 --label 1 --seconds 3600"],
    "E_BOARD_DEAF": [_silence],
    "E_BOARD_UNPAIRED": ["record --board virtual-ble:1 --open --label walk --out moves"],
    "E_LOG_OTHER": [_prepared("watch --boards loopback:1 --log mine",
                              lambda place: place.file("mine/use.csv", "run,board"))],
    "E_BOARD_NO_RADIO": ["watch --boards loopback:1 --open-to-phones"],
    "E_BOARD_UNTRAINED": ["watch --boards loopback:1", "watch --boards loopback:1 --personal"],
    "E_RECORD_MODEL": [_prepared("record --board loopback:1 --label walk --out moves",
                                 lambda place: place.file("moves/other.tflite"))],
    "E_CONFIG_DEAF": ["flash itsybitsy_nrf52840 --model keywords"],
    "E_CONFIG_LINKS": ["simulate --links seral"],
    "E_CONFIG_PIO": [_prepared("flash nano33ble", Place.without_programs)],
    "E_CONFIG_PTY": [_prepared("board", lambda place: place.fails(os, "openpty", errno.ENOENT))],
    "E_CONFIG_REPLAY": ["board --shape 3x2 --replay motion", "board --model motion --replay x",
                        "board --model keywords --replay x",
                        "capture --boards loopback:1 --label five --model keywords", "ui --replay x"],
    "E_CONFIG_RESUME": [_after_run("run --resume it --alpha 3"), "run --resume it --seeds 3"],
    "E_CONFIG_SHAPE": ["board --shape 3", "board --shape 3x2 --model digits", "estimate --shape x"],
    "E_CONFIG_SUPERLINK": ["gateway --socket s --boards loopback:1 --superlink x"],
    "E_CONFIG_WINDOW": ["run --window 5",
                        _recordings("model train --data moves --name new", readings=(12, 20))],
    "E_CONFIG_MODEL": ["run --model motion", "partition --data x.npz --model motion"],
    "E_CONFIG_CLIENTS": ["gateway --socket s --boards loopback:2 --clients 1"],
    "E_CONFIG_EXTRA": [_prepared("model add theirs.tflite --name cut --cut --labels a b", _no_tables),
                       _prepared("model train --data moves --name new", _no_tensorflow)],
    "E_EXTRA_MISSING": [
        _after_run("report it --tensorboard t", spoil=lambda place: place.without("tensorboardX")),
        _after_run("report it --png t", spoil=lambda place: place.without("matplotlib")),
        _prepared("run --live", lambda place: place.without("uvicorn")),
        _prepared("run --track tensorboard", lambda place: place.without("tensorboardX")),
        _prepared("run --track wandb", lambda place: place.without("wandb")),
        _prepared("simulate --track mlflow", lambda place: place.without("mlflow")),
        _prepared("ui", lambda place: place.without("starlette")),
    ],
    "E_DATA_UNKNOWN": ["run --data x", "simulate --data x", "sweep --data x", "partition --data x"],
    "E_DATA_MISSING": ["partition --data none.npz", "run --data gesture", "run --data keywords",
                       "partition --data cifar10 --data-dir ."],
    "E_DATA_CORRUPT": [lambda place: f"partition --data {place.file('bad.npz', 'text')}"],
    "E_DATA_ARRAY": [lambda place: place.npz(y=None)],
    "E_DATA_NAN": [lambda place: place.npz(X=np.full((40, 6), np.nan))],
    "E_DATA_SHAPE": [lambda place: place.npz(y=np.arange(7))],
    "E_DATA_TYPE": [lambda place: place.npz(X=np.array([["a"] * 6] * 40)),
                    lambda place: place.npz(y=np.array([object()] * 40))],
    "E_DATA_LABEL": [lambda place: place.npz(y=np.array(["a", ""] * 20))],
    "E_DATA_D": [lambda place: place.npz(X=np.zeros((40, 5000), np.int8))],
    "E_DATA_CLASSES": [_other_labels, lambda place: place.npz(X=np.eye(99, 6), y=np.arange(99)),
                       lambda place: place.npz(y=np.zeros(40, int))],
    "E_DATA_EMPTY": [lambda place: place.npz(X=np.zeros((0, 6)), y=np.zeros(0, int))],
    "E_DATA_FORMAT": [_prepared("partition --data cifar10 --data-dir .",
                                lambda place: place.file("cifar-10-binary.tar.gz", "text"))],
    "E_PARTITION_CLIENTS": [
        "partition --clients 500", "partition --partition iid --clients 5000", "simulate --clients 500",
        "run --boards loopback:500", "sweep --clients 500", "partition --clients 1 --min-samples 5000",
    ],
    "E_PARTITION_ALPHA": ["partition --alpha 0.001 --clients 2"],
    "E_PARTITION_KIND": ["partition --flbench --partition iid"],
    "E_PARTITION_NATURAL": ["partition --partition natural", "simulate --partition natural",
                            lambda place: place.npz(client=np.arange(40) // 20) + " --partition natural --clients 3"],
    "E_PARTITION_UNREACHABLE": ["partition --clients 40 --min-samples 22"],
    "E_PARTITION_TEST": [lambda place: place.npz(
        client=np.arange(40) // 20, local_test=np.arange(40) < 20, test=np.arange(40) > 35) + " --partition natural"],
    "E_DATA_WHITEN": [lambda place: place.npz(whiten=5)],
    "E_CONFIG_SAMPLES": ["model whiten digits_plain", "model whiten digits_plain --data . --task digits"],
    "E_MODEL_MISSING": ["board --model x", "model add nofile.tflite --name new", "model add . --name new",
                        "model remove new", _recordings("run --data moves")],
    "E_DATA_RECORDINGS": [_recordings("model train --data moves --name new", files=4)],
    "E_AUDIT_DATA": [_after_run("audit it", spoil=_on_boards)],
    "E_AUDIT_SIMULATION": [_prepared("audit sim", _simulated)],
    "E_EXPORT_FORMAT": [_after_run("export it --format onnx")],
    "E_EXPORT_FEATURES": [_on_features("export it --format tflite")],
    "E_RUN_UNTRAINED": [_after_run("export it", spoil=_untrained)],
    "E_HEAD_FILE": ["run --head none.npz", "simulate --head none.npy",
                    _prepared("run --head bad.npz", lambda place: place.npz("bad.npz"))],
    "E_HEAD_SHAPE": [_prepared("run --head bad.npy", lambda place: np.save("bad.npy", np.zeros(7)))],
    "E_HEAD_FEATURES": [_head(model_hash=np.uint32(7))],
    "E_HEAD_LABELS": [_head(classes=np.array([*"1234567890"]))],
    "E_MODEL_CORRUPT": [_model(b"text")],
    "E_MODEL_NAME": [f"model add {MODELS}/digits/digits.tflite --name ../x --classes 3"],
    "E_MODEL_EXISTS": [f"model add {MODELS}/digits/digits.tflite --name digits --classes 3 --force",
                       f"model add {MODELS}/digits/digits.tflite --name vowels --classes 3"],
    "E_MODEL_CLASSES": [f"model add {MODELS}/digits/digits.tflite --name new",
                        f"model add {MODELS}/digits/digits.tflite --name new --classes 1",
                        f"model add {MODELS}/digits/digits.tflite --name new --labels a a"],
    "E_MODEL_SENSOR": [
        f"model add {MODELS}/motion/motion.tflite --name new --classes 3 --hertz 10 --units g",
        f"model add {MODELS}/digits/digits.tflite --name new --classes 3 --hertz 10",
        f"model add {MODELS}/motion/motion.tflite --name new --classes 3 --axes x y",
        f"model add {MODELS}/motion/motion.tflite --name new --classes 3 --units g g g",
    ],
    "E_MODEL_SOUND": [_no_front_end],
    "E_DATA_SOUND": [_sound],
    "E_MODEL_SHIPPED": ["model remove digits"],
    "E_MODEL_WRITE": [_prepared(f"model add {MODELS}/digits/digits.tflite --name new --classes 3",
                                lambda place: place.fails(Path, "mkdir", errno.ENOSPC))],
    "E_MODEL_MANIFEST": [_digits(lambda document: document.pop("D")), _digits(lambda document: {**document, "D": 7})],
    "E_MODEL_GOLDEN": [_prepared("run", _other_bits)],
    "E_MODEL_SHA256": [_digits(lambda document: {**document, "sha256": "0" * 64})],
    "E_DATA_ON_BOARDS": ["simulate --data boards", "partition --data boards", "sweep --data boards"],
    "E_LABELS_COUNT": ["labels set walk --open --boards loopback:1"],
    "E_LABELS_NAME": ["labels set walk walking-backwards --open --boards loopback:1"],
    "E_LABELS_TWICE": ["labels set walk walk --open --boards loopback:1"],
    "E_LABELS_MANY": ["labels set a b c d e f g h i --open --boards loopback:1"],
    "E_LABELS_UNSET": ["labels add jump --open --boards loopback:1"],
    "E_PORT_NOT_FOUND": ["run --boards ttyNONE", "capture --board ttyNONE --label 1"],
    "E_PORT": [lambda place: f"run --boards {place.file('no-port')}"],
    "E_BOARDS_UNNAMED": ["run --boards ble:auto"],
    "E_NO_BOARDS": [_prepared("run --boards serial:auto", _no_usb), _prepared("capture --label 1", _no_usb),
                    _prepared("pair", _no_usb)],
    "E_QEMU_MISSING": [_prepared("run --boards qemu:1", Place.without_programs)],
    "E_VIRTUAL": [_prepared("run --boards virtual-ble:1", Place.without_programs)],
    "E_OPEN_FILES": [_prepared("board", lambda place: place.fails(os, "openpty", errno.EMFILE))],
    "E_GATEWAY_SOCKET": [f"gateway --boards loopback:1 --socket {name}" for name in ("none/s", ".", "s" * 200)],
    "E_SYSTEM": [_prepared("board", lambda place: place.fails(os, "getppid", errno.EIO))],
    "E_LIVE_PORT": [_port_taken],
    "E_RUN_MISSING": ["report nothing", "run --resume nothing"],
    "E_RUN_CORRUPT": [_damaged, _bad_rows],
    "E_RUN_DIRECTORY": [
        *(_prepared(words, lambda place: place.file("file")) for words in (
            f"{_RUN} --run-dir file/x", "simulate --run-dir file", "sweep --sweep-dir file/x", "sweep --sweep-dir file",
        )),
        *(_after_run(f"report it --{kind} file/x", spoil=lambda place: place.file("file"))
          for kind in ("csv", "svg", "png", "tensorboard")),
    ],
    "E_RUN_EXISTS": [_after_run(f"{_RUN} --run-dir it"), _after_run("simulate --run-dir it")],
    "E_RUN_FORMAT": [_format],
    "E_RUN_FOREIGN": [_foreign],
    "E_RUN_IN_USE": [_in_use],
    "E_RUN_READ_ONLY": [
        _prepared("simulate --run-dir it", lambda place: place.patch.setattr(os, "access", lambda *_: False)),
    ],
    "E_RUN_IO": [_after_run("report it --csv x", spoil=lambda place: place.fails(Path, "mkdir", errno.EIO))],
    "E_DISK_FULL": [_after_run("report it --csv x", spoil=lambda place: place.fails(Path, "mkdir", errno.ENOSPC))],
    "E_REPORT_WRITE": [_after_run("report it -o none/x.html")],
    "E_STRATEGY_AGGREGATE": [_strategy("class Mine: pass")],
    "E_STRATEGY_ARGUMENTS": [_strategy("class Mine:\n def __init__(self, x): pass\n def aggregate(self, h, u): pass")],
    "E_STRATEGY_HEAD": [_strategy("class Mine:\n def aggregate(self, head, updates): return None")],
    "E_STRATEGY_IMPORT": ["run --strategy no_such_module:Mine", _strategy("1 / 0")],
    "E_STRATEGY_MISSING": [_strategy("", "Other")],
    "E_QUORUM": ["simulate --data synthetic --clients 4 --rounds 1 --dropout 1 --quiet"],
    "E_TOO_FEW_BOARDS": [f"{_RUN} --no-central --min-train-nodes 2 --deadline 0"],
    "E_TOO_LARGE": ["estimate --features 4096 --classes 64 --link ble --mtu 65"],
    "E_MTU_SMALL": ["estimate --link ble --mtu 23", "simulate --links ble:23", "sweep --mtu 23",
                    "estimate --secure-sum --clients 3 --open --link ble --mtu 37",
                    "simulate --secure-sum --clients 4 --open --links ble:37"],
}  # fmt: skip
"""Code to the ways in which it is brought about: a command line, or what prepares a place and returns one."""

_HARDWARE = (
    "needs a port or a board that misbehaves: tests/host/transport and tests/host/device bring it about"
)
_BOARD = "is about what a board answers: tests/host/device and tests/host/federation bring it about"
_RADIO = "needs a Bluetooth adapter: tests/ble brings it about"
_MODEL = "needs a model made for it: tests/host/extractor brings it about"
_DOWNLOAD = "needs a download: tests/host/data brings it about with a server of its own"
_PROGRAM = "can be raised in programs only: the command line's choices and ranges come before"
_DEFECT = "is a defect of bytefed, and can't be brought about"
NOT_RUN: dict[str, str] = {
    **dict.fromkeys(("E_BLE", "E_BLE_ABSENT", "E_BLE_NOT_FOUND", "E_BLE_OFF", "E_BLE_SERVICE"), _RADIO),
    **dict.fromkeys(
        ("E_PORT_BUSY", "E_PORT_DENIED", "E_PORT_LOST", "E_BOOTLOADER", "E_LINK_LOST", "E_NO_ANSWER", "E_FLASH",
         "E_OTHER_BOARD"), _HARDWARE,
    ),
    **dict.fromkeys(
        (*(f"E_BOARD_{status}" for status in (
            "BAD_CRC", "BAD_LABEL", "BAD_LENGTH", "BAD_VALUE", "BAD_VERSION", "BUDGET_SPENT", "BUSY",
            "EXTRACTOR_FAILED", "NO_NOISE", "NO_MASKS", "TOO_FEW", "MASKS_USED", "WITHHELD", "LOCKED", "NOT_FINITE",
            "NO_CONFIG", "NO_ENTROPY",
            "NO_EXTRACTOR", "NO_SAMPLES", "NO_SENSOR", "NO_SESSION", "NO_STORAGE", "NOT_RECEIVED",
            "OTHER_SAMPLES", "STALE_ROUND", "STORAGE_FAILED", "TOO_LARGE", "UNKNOWN_CODEC", "UNKNOWN_KIND",
            "BATCH", "CAPACITY", "BITS", "EXAMPLES", "FEATURES", "INEXACT", "MODEL", "RESET", "SHAPE", "TAKEN", "TWICE",
            "UNKNOWN",
        )), "E_DELTA_CRC", "E_DELTA_NORM", "E_DELTA_NOT_FINITE", "E_HEAD_NOT_FINITE", "E_NO_DELTA", "E_SHORT_MESSAGE",
         "E_PAIR_CHECK", "E_VERSION", "E_WELCOME", "E_LABELS_FIRMWARE", "E_LABELS_DIFFER",
         "E_BOARD_HAS_SAMPLES"), _BOARD,
    ),
    **dict.fromkeys(
        ("E_MODEL_ARENA", "E_MODEL_HEAD", "E_MODEL_PER_CHANNEL", "E_MODEL_SCALES", "E_MODEL_UNSUPPORTED",
         "E_DATA_DIVISION"), _MODEL,
    ),
    **dict.fromkeys(("E_DATA_CHECKSUM", "E_DATA_DOWNLOAD"), _DOWNLOAD),
    **dict.fromkeys(("E_PARTITION_SHARDS",), _PROGRAM),
    **dict.fromkeys(("E_LEDGER", "E_CHECK"), _DEFECT),
    "E_BUDGET_SPENT": "needs a link that loses frames: tests/faults/test_budgets.py brings it about",
    "E_RECORD_SLOW": "needs a link that is too slow for a sensor: tests/host/device/test_recording.py brings it about",
    "E_BUDGET_EXCEEDED": "needs a line that makes noise by itself, or a defect of bytefed",
    "E_MODEL_TRAINING": "trains a model, which takes TensorFlow and minutes",
    "E_DATA_SIZE": "needs data of more than 2^31 values: tests/host/data brings it about with a small limit",
    "E_GATEWAY": "is said to a Flower client, which has no command of bytefed's: tests/host/gateway",
    "E_ROUND_VOID": "is said to a Flower client, which has no command of bytefed's: tests/host/gateway",
    "E_GATEWAY_REQUEST": "is said to a Flower client, which has no command of bytefed's: tests/host/gateway",
    "E_QEMU_IMAGE": "needs QEMU: tests/qemu brings it about",
}  # fmt: skip
"""Code to the reason why it is not brought about here; its remedy is checked in the sources all the same."""
