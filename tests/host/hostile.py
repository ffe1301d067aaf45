"""Makes malicious or truncated files: .tflite models and TOML configurations.

Run as a program it reads each file of a folder as bytefed does, within limits of memory and processor time, and prints
the results as JSON: code and remedy by file, or the error if it is not one of ours.
"""

from __future__ import annotations

import json
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bytefed.errors import BytefedError
from bytefed.extractor import check as model_check
from bytefed.extractor import tflite
from bytefed.federation.config import RunConfig
from bytefed.ledger.air import AirTable

MEMORY = 2 << 30
"""Bytes of address space for the program and all its libraries."""
SECONDS = 60
"""Seconds of processor time for all files together."""


class FlatFile:
    """Lays out a FlatBuffer by hand: nothing checks what is put into it. Offsets go forward alone."""

    def __init__(self) -> None:
        self.data = bytearray(b"\0\0\0\0TFL3")

    def table(self, *fields: int, size: int = 4) -> int:
        """Put a table whose field i takes `size` bytes at `4 + size * i`; 0 for fields that it has not. Its start."""
        vtable = len(self.data)
        slots = [4 + size * i if has else 0 for i, has in enumerate(fields)]
        self.data += struct.pack(f"<HH{len(slots)}H", 4 + 2 * len(slots), 4 + size * len(slots), *slots)
        self.data += bytes(-len(self.data) % 8)
        start = len(self.data)
        self.data += struct.pack("<i", start - vtable) + bytes(size * len(slots))
        return start

    def vector(self, count: int, content: bytes) -> int:
        """Put a vector that says it has `count` items; where it is."""
        self.data += bytes(-len(self.data) % 4)
        at = len(self.data)
        self.data += struct.pack("<I", count) + content
        return at

    def point(self, at: int, target: int) -> None:
        """Write the offset to a target."""
        struct.pack_into("<I", self.data, at, (target - at) & 0xFFFFFFFF)

    def model(self) -> int:
        """A root table with `subgraphs` (its third field) alone; where its fields are."""
        root = self.table(0, 0, 1)
        self.point(0, root)
        return root + 4


def _shared_name() -> bytes:
    """Thousands of tensors that share one table, whose name takes most of the file."""
    file = FlatFile()
    fields = file.model()
    subgraphs = file.vector(1, bytes(4))
    file.point(fields + 8, subgraphs)
    subgraph = file.table(1)
    file.point(subgraphs + 4, subgraph)
    tensors = file.vector(4000, bytes(16000))
    file.point(subgraph + 4, tensors)
    tensor = file.table(0, 0, 0, 1)
    for i in range(4000):
        file.point(tensors + 4 + 4 * i, tensor)
    file.point(tensor + 16, file.vector(900_000, b"x" * 900_000 + b"\0"))
    return bytes(file.data)


def _cycle() -> bytes:
    """A model whose subgraph is the model: an offset back, which a FlatBuffer has not."""
    file = FlatFile()
    fields = file.model()
    subgraphs = file.vector(1, bytes(4))
    file.point(fields + 8, subgraphs)
    file.point(subgraphs + 4, fields - 4)
    return bytes(file.data)


def _many_tables() -> bytes:
    """A vector of as many subgraphs as the file has room for, all of them the same."""
    file = FlatFile()
    fields = file.model()
    subgraphs = file.vector(200_000, bytes(800_000))
    file.point(fields + 8, subgraphs)
    subgraph = file.table()
    for i in range(200_000):
        file.point(subgraphs + 4 + 4 * i, subgraph)
    return bytes(file.data)


def _vector(count: int, content: bytes = b"") -> bytes:
    file = FlatFile()
    fields = file.model()
    file.point(fields + 8, file.vector(count, content))
    return bytes(file.data)


def _changed(model: bytes, at: int, layout: str, value: int) -> bytes:
    data = bytearray(model)
    struct.pack_into(layout, data, at, value)
    return bytes(data)


def models(model: bytes) -> dict[str, bytes]:
    """Hostile models by what is wrong with them.

    Args:
        model: One that is sound.
    """
    (root,) = struct.unpack_from("<I", model)
    (vtable,) = struct.unpack_from("<i", model, root)
    sixteenth = len(model) // 16
    return {
        "empty": b"",
        "nothing but a root": model[:4],
        "another identifier": model[:4] + b"TFL2" + model[8:],
        "zeros": bytes(4096),
        "text": b"TFL3, or so it says" * 40,
        "a root beyond the end": _changed(model, 0, "<I", len(model)),
        "a root at the end of the address space": _changed(model, 0, "<I", 0xFFFFFFFC),
        "a root that is the file's beginning": _changed(model, 0, "<I", 0),
        "a root that is not aligned": _changed(model, 0, "<I", root + 1),
        "a vtable before the file": _changed(model, root, "<i", root + 4),
        "a vtable beyond the end": _changed(model, root, "<i", -len(model)),
        "a vtable of no size": _changed(model, root - vtable, "<H", 0),
        "a vtable of 64 KB": _changed(model, root - vtable, "<H", 0xFFFE),
        "a table of 64 KB": _changed(model, root - vtable + 2, "<H", 0xFFFF),
        "a field outside its table": _changed(model, root - vtable + 8, "<H", 0xFFF0),
        "a vector of four thousand million": _vector(0xFFFFFFFF),
        "a vector to the last byte and one more": _vector(2, bytes(4)),
        "a vector of tables at nothing": _vector(1, b"\xff\xff\xff\xff"),
        "a model that holds itself": _cycle(),
        "two hundred thousand tables": _many_tables(),
        "one long name, four thousand times": _shared_name(),
        "larger than any board": model + bytes(1 << 20),
        **{f"cut off at {i} sixteenths": model[: i * sixteenth] for i in range(1, 16)},
        **{
            f"noise from {i} sixteenths on": model[: i * sixteenth] + b"\xff\x00\x7f\x80" * (4 * sixteenth)
            for i in range(1, 16)
        },
    }


def configurations() -> dict[str, bytes]:
    """Hostile configurations by what is wrong with them."""
    return {
        "not text": b"\xff\xfe\x00rounds",
        "zeros": bytes(100),
        "an open string": b'data = "digits',
        "an open array": b"boards = [",
        "an open table": b"[rounds",
        "the same key twice": b"rounds = 1\nrounds = 2",
        "a key that is a table": b"[rounds]\nmany = 1",
        "a table in a table": b"rounds.a.b = 1",
        "an array of tables": b"[[boards]]\nname = 1",
        "a date": b"rounds = 2020-01-01",
        "arrays in arrays": b"boards = " + b"[" * 20_000 + b"]" * 20_000,
        "tables in tables": b"rounds = " + b"{a = " * 20_000 + b"1" + b"}" * 20_000,
        "a key of twenty thousand parts": b".".join([b"a"] * 20_000) + b" = 1",
        "a whole number of ten thousand digits": b"rounds = " + b"9" * 10_000,
        "a hexadecimal number of ten thousand digits": b"rounds = 0x" + b"f" * 10_000,
        "a whole number that no float holds": b"alpha = 1" + b"0" * 400,
        "a hexadecimal number that no float holds": b"alpha = 0x" + b"f" * 10_000,
        "a number without end": b"alpha = 1e999999",
        "no number": b"alpha = nan",
        "a negative count": b"rounds = -1",
        "a key of a million letters": b"a" * 1_000_000 + b" = 1",
        "a value of a million letters": b'partition = "' + b"a" * 1_000_000 + b'"',
        "a surrogate": b'data = "\\ud800"',
        "thirty million bytes": b"# " + b"x" * 30_000_000,
        "a control character": b'data = "\x01"',
    }


def read_model(path: Path) -> None:
    """Read a model as far as the runtime, which trusts it then."""
    model_check.check(tflite.read(path.read_bytes()))


READERS: dict[str, Callable[[Path], object]] = {
    ".tflite": read_model,
    ".toml": lambda path: RunConfig.resolve(path, {}),
    ".air": AirTable.load,
}


def outcome(path: Path) -> tuple[str, str]:
    """Return the result of reading a file: a code and a remedy, or the name and text of another error."""
    try:
        READERS[path.suffix](path)
    except BytefedError as error:
        return error.code, error.remedy if len(str(error)) < 2000 else "says too much"
    except Exception as error:  # that is what is looked for
        return type(error).__name__, str(error)[:200]
    return "taken", ""


def main() -> None:
    """Read all files of a folder."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    results = {}
    for path in sorted(Path(sys.argv[1]).iterdir()):
        started = time.process_time()
        code, remedy = outcome(path)
        results[path.name] = [code, remedy, round(time.process_time() - started, 3)]
    sys.stdout.write(json.dumps(results))


if __name__ == "__main__":
    main()
