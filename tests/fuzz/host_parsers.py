"""Fuzzes the host's parsers: they must take any bytes, or refuse them with a code and a remedy.

python tests/fuzz/host_parsers.py runs=100000 [target...]     each target so many times, slow ones a share: see TARGETS
python tests/fuzz/host_parsers.py seconds=300 [target...]     each target so long

Inputs are sound files and those kept in tests/fuzz/corpus/host.tar.gz, changed by a printed seed. One that fails is
written to build/fuzz. Keep it by `python tests/fuzz/corpus.py add host/TARGET FILE`: from then on
test_host_parsers.py tries it.
"""

from __future__ import annotations

import asyncio
import io
import os
import random
import resource
import signal
import sys
import tempfile
import time
import warnings
import wave
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import corpus
import numpy as np

from bytefed.data import Cut, folder, gesture, motion, npz
from bytefed.data.notes import Notes
from bytefed.errors import BytefedError, ProtocolError
from bytefed.extractor import check as model_check
from bytefed.extractor import tflite
from bytefed.extractor.manifest import Manifest, model_folder
from bytefed.extractor.sound import FrontEnd
from bytefed.federation.config import RunConfig
from bytefed.ledger.air import DEFAULT_TABLE, AirTable
from bytefed.protocol import message
from bytefed.protocol.body import Body
from bytefed.protocol.chunks import Ack, ChunkPlan, ChunkReceiver, ChunkSender
from bytefed.protocol.header import DataHeader
from bytefed.protocol.message import MAX_FRAME
from bytefed.protocol.serial_frame import SerialDecoder, encode_serial_frame
from bytefed.transport.faults import Faults

ROOT = Path(__file__).parents[2]
MEMORY = 4 << 30
SLOWEST = 20
"""Seconds that one input may take."""
_MEMORY_DISK = Path("/dev/shm")  # noqa: S108 (a disk would be what is measured)
_FOLDER = tempfile.TemporaryDirectory(
    prefix="bytefed-fuzz-", dir=_MEMORY_DISK if _MEMORY_DISK.is_dir() else None
)
SCRATCH = Path(_FOLDER.name)


@dataclass(frozen=True)
class Target:
    """A parser.

    Attributes:
        parse: The function that takes the bytes.
        seeds: Gives sound inputs.
        share: Fraction of the requested executions: 1, or less if each takes long.
        allowed: Errors that are not coded, where the parser's callers turn them into codes.
    """

    parse: Callable[[bytes], object]
    seeds: Callable[[], list[bytes]]
    share: float = 1.0
    allowed: tuple[type[Exception], ...] = ()


def in_file(suffix: str, parse: Callable[[Path], object]) -> Callable[[bytes], object]:
    """A parser of files as one of bytes."""
    path = SCRATCH / f"file{suffix}"

    def write_and_parse(data: bytes) -> object:
        path.write_bytes(data)
        return parse(path)

    return write_and_parse


# Links.


def frames(data: bytes) -> None:
    """Cut anywhere, the stream gives the same frames, and each byte is judged once."""
    decoder, whole = SerialDecoder(), SerialDecoder()
    at = len(data) // 3
    parts = decoder.push(data[:at]) + decoder.push(data[at:])
    assert parts == whole.push(data)
    assert sum(part.wire for part in parts) + decoder.pending == len(data)


BODIES = [
    kind
    for kind in vars(message).values()
    if isinstance(kind, type) and issubclass(kind, Body) and kind is not Body
]


def bodies(data: bytes) -> None:
    """Check that unpacked messages pack to the same bytes, except NaN payloads, which Python may quieten."""
    kind = BODIES[data[0] % len(BODIES)] if data else BODIES[0]
    body = kind.unpack(data[1:])
    assert body.pack() == data[1 : 1 + kind.size()] or repr(kind.unpack(body.pack())) == repr(body)


def transfer(data: bytes) -> None:
    """Chunks and ACKs of any content: no more is taken than fits, and only what is missing is sent."""
    plan = ChunkPlan(1 + len(data) * 7 % 9000, 18 + len(data) % 230, 1 + len(data) % 32)
    receiver, sender = ChunkReceiver(plan), ChunkSender(bytes(plan.length), plan, 1)
    for at in range(0, len(data) - 1, 8):
        frame = data[at : at + 8]
        ack = Ack.unpack(frame, plan)
        assert 0 <= ack.first <= plan.count
        if ack.first < plan.count:
            assert all(index in plan.window_of(ack.first) for index, _ in sender.frames(ack))
            sender.advances_by(ack)
        index = DataHeader.unpack(frame).index
        receiver.receive(index, bytes(plan.size_of(index)) if index < plan.count and frame[-1] & 1 else frame)
        if not receiver.complete:
            assert len(receiver.ack_frame(1)) <= MAX_FRAME
    if receiver.complete:
        assert len(receiver.blob()) == plan.length


class _NoWriter:
    """Nobody listens."""

    def write(self, data: bytes) -> None: ...
    async def drain(self) -> None: ...
    def close(self) -> None: ...


@cache
def _gateway() -> tuple[object, asyncio.AbstractEventLoop]:
    from bytefed.data.partition import divide
    from bytefed.data.task import Samples, Task
    from bytefed.extractor.quantization import Quantization
    from bytefed.federation.assignment import Assignment
    from bytefed.federation.experiment import Experiment, air_table
    from bytefed.gateway.server import Gateway, Room

    labels = np.arange(60, dtype=np.uint8) % 2
    samples = Samples(np.zeros((60, 3), np.int8), labels)
    task = Task("two", samples, samples, 2, Quantization(1.0, 0))
    config, strategy = RunConfig().with_strategy(None)
    experiment = Experiment(config, strategy, air_table(config), Assignment(task, divide(task, "iid", 2)))
    return Gateway(Room(experiment, 0, SCRATCH), [], None, lambda event: None), asyncio.new_event_loop()


def gateway_request(data: bytes) -> object:
    """A request that is understood would go to the boards: here it is refused there."""
    gateway, loop = _gateway()

    async def ask() -> object:
        reader = asyncio.StreamReader()
        reader.feed_data(data)
        reader.feed_eof()
        return await gateway._ask(reader)  # type: ignore[attr-defined]

    async def no_round(*_: object) -> object:
        raise BytefedError("E_UNDERSTOOD", "", "None.")

    gateway._round = no_round  # type: ignore[attr-defined]
    return loop.run_until_complete(ask())


# Files.


def read_tflite(data: bytes) -> object:
    """As far as the runtime, which trusts a file."""
    return model_check.check(tflite.read(data))


def manifest(data: bytes) -> object:
    """A model folder's manifest."""
    (SCRATCH / "manifest.json").write_bytes(data)
    return Manifest.load(SCRATCH)


def _read_config(path: Path) -> object:
    return RunConfig.resolve(path, {})


def _npz() -> bytes:
    out = io.BytesIO()
    rng = np.random.default_rng(1)
    X = rng.normal(0, 1, (12, 3)).astype(np.float32)
    np.savez(out, X=X, y=np.arange(12) % 2, client=np.arange(12), test=np.arange(12) < 3)
    return out.getvalue()


def _pictures() -> list[bytes]:
    try:
        from PIL import Image
    except ImportError:
        return []
    out = []
    for kind in ("PNG", "JPEG", "BMP", "WEBP", "TIFF"):
        content = io.BytesIO()
        Image.new("RGB", (9, 7), (10, 200, 30)).save(content, kind)
        out.append(content.getvalue())
    return out


def _sounds() -> list[bytes]:
    out = []
    for width, channels, rate in ((1, 1, 8000), (2, 2, 16000), (3, 1, 44100)):
        content = io.BytesIO()
        with wave.open(content, "wb") as file:
            file.setparams((channels, width, rate, 0, "NONE", ""))
            file.writeframes(bytes(range(252)) * channels * width)
        out.append(content.getvalue())
    return out


def _model_files(name: str) -> list[bytes]:
    return [(model_folder(model) / name.format(model)).read_bytes() for model in ("digits", "motion")]


def _sample(path: Path, shape: tuple[int, ...]) -> object:
    """A file of one's own, whose recordings may be cut."""
    return folder.sample(path, shape, Cut(hop=1), Notes(), FrontEnd())


MOTION = "\n".join(["@data", ":".join([",".join(["1.5"] * 100)] * 6) + ":Running"]).encode()
STROKES = b'{"strokes": [{"label": "3", "strokePoints": [{"x": 0.1, "y": 2}, {"x": 1, "y": -0.5}]}]}'
REQUEST = b'{"run": 7, "round": 3, "size": 32}\n' + bytes(32)
SAID = b"drop=0.01,corrupt=0.001,seed=7"
EDGE_IMPULSE = (
    b'{"payload": {"interval_ms": 10, "sensors": [{"name": "x"}, {"name": "y"}, {"name": "z"}],'
    b' "values": [[0.1, 2, 3], [4, -5, 6e1], [7, 8, 9]]}}'
)
WINDOWS = [
    b"1,2,3\n4,5,6\n",
    b"x,y,z\n1e3,-2,.5\n1,2,3",
    b"# made\ntime;x;y;z\n0;1,5;2;3\n1;4;5;6\n",
    b"1\t2\t3\t\n4\t5\t6\t\n",
    "1 2 3\n4 5 6\n7 8 9".encode("utf-16"),
    b'"1","2","3"\n"4","5","6"',
]
TARGETS = {
    "frames": Target(frames, lambda: [encode_serial_frame(bytes(range(n))) * 2 for n in (2, 60, 250)]),
    "bodies": Target(bodies, lambda: [bytes([i, *range(20)]) for i in range(20)], allowed=(ProtocolError,)),
    "transfer": Target(transfer, lambda: [bytes(range(200)), bytes(64)], 0.1),
    "gateway": Target(gateway_request, lambda: [REQUEST]),
    "faults": Target(lambda data: Faults.parse(data.decode("latin-1")), lambda: [SAID]),
    "tflite": Target(read_tflite, lambda: _model_files("{}.tflite")),
    "config": Target(in_file(".toml", _read_config), lambda: [RunConfig().to_toml().encode()]),
    "air": Target(in_file(".toml", AirTable.load), lambda: [DEFAULT_TABLE.read_bytes()]),
    "manifest": Target(manifest, lambda: _model_files("manifest.json")),
    "npz": Target(in_file(".npz", npz.load), lambda: [_npz()], 0.2),
    "csv": Target(in_file(".csv", lambda path: _sample(path, (2, 3))), lambda: WINDOWS),
    "json": Target(in_file(".json", lambda path: _sample(path, (2, 3))), lambda: [EDGE_IMPULSE]),
    "picture": Target(in_file(".png", lambda path: _sample(path, (4, 4, 1))), _pictures, 0.2),
    "sound": Target(in_file(".wav", lambda path: _sample(path, (49, 1, 32))), _sounds, 0.2),
    "motion": Target(in_file(".ts", motion._ARCHIVE._read_file), lambda: [MOTION]),
    "gesture": Target(in_file(".json", gesture._read_file), lambda: [STROKES]),
}

# Values that a parser may stumble over.
TOKENS = (
    b"\0", b"\xff" * 4, b"\xff\xff\xff\x7f", b"\x80", b"\n", b'"', b"[", b"]", b"{", b"}", b"=", b",", b":", b".", b"-",
    b"1e999", b"nan", b"inf", b"9" * 400, b"0x", b"null", b"true", b"\\ud800", b"\xef\xbb\xbf", b"\r\n", b"1979-05-27",
)  # fmt: skip


def mutated(data: bytes, others: list[bytes], rng: random.Random) -> bytes:
    """A few changes of what files of that kind are made of."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        at = rng.randrange(len(out) + 1)
        length = min(rng.choice((1, 2, 4, 16, 200)), len(out) - at)
        match rng.randrange(8):
            case 0 if at < len(out):
                out[at] ^= 1 << rng.randrange(8)
            case 1 if at < len(out):
                out[at] = rng.randrange(256)
            case 2:
                out[at:at] = rng.choice(TOKENS)
            case 3:
                del out[at : at + length]
            case 4:
                out[at:at] = out[at : at + length] * rng.choice((1, 2, 50))
            case 5:
                del out[at:]
            case 6:
                other = rng.choice(others)
                out[at:] = other[rng.randrange(len(other) + 1) :]
            case 7:
                size = rng.choice((1, 2, 4))
                value = rng.choice((0, 1, -1, 2 ** (8 * size - 1) - 1, rng.randrange(300)))
                out[at : at + size] = (value & (256**size - 1)).to_bytes(size, "little")
            case _:
                pass
    return bytes(out[:100_000])


def check(target: Target, data: bytes) -> None:
    """Parse it once.

    Raises:
        Exception: Anything but a coded error with a remedy.
    """
    try:
        target.parse(data)
    except BytefedError as error:
        if not isinstance(error, target.allowed) and not (error.code.startswith("E_") and error.remedy):
            raise AssertionError(f"{error!r} has no code or no remedy") from error
    except target.allowed:
        pass


def seeds_of(name: str) -> list[bytes]:
    """The sound inputs of a target, and those that were kept."""
    kept = [data for path, data in corpus.read("host").items() if path.startswith(f"{name}/")]
    return [*TARGETS[name].seeds(), *kept]


def inputs(name: str, seed: int) -> Iterator[bytes]:
    """Inputs without end."""
    rng = random.Random(f"{name} {seed}")
    seeds = seeds_of(name)
    yield from seeds
    while True:
        yield mutated(rng.choice(seeds), seeds, rng)


def fuzz(name: str, runs: int, seconds: float, seed: int) -> str:
    """Fuzz one target, and say how it went."""
    target = TARGETS[name]
    if not target.seeds():
        return f"{name}: SKIPPED, what it reads with is not installed"
    started, done = time.monotonic(), 0
    for data in inputs(name, seed):
        if done >= runs or time.monotonic() - started > seconds:
            break
        signal.alarm(SLOWEST)
        try:
            check(target, data)
        except BaseException:
            path = ROOT / "build" / "fuzz" / f"{name}-{zlib.crc32(data):08x}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            sys.stdout.write(
                f"FAILED: {name}, execution {done} of seed {seed}: "
                f"keep it by tests/fuzz/corpus.py add host/{name} {path}\n"
            )
            raise
        finally:
            signal.alarm(0)
        done += 1
    took = time.monotonic() - started
    return f"{name}: {done} executions in {took:.1f} s, {done / took:.0f} a second, no fault"


def main() -> None:
    """Do what the command line says."""
    what, _, number = (sys.argv[1] if len(sys.argv) > 1 else "runs=100000").partition("=")
    seed = int(os.environ.get("SEED", "1"))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    warnings.simplefilter("error", RuntimeWarning)
    for name in sys.argv[2:] or TARGETS:
        runs = int(int(number) * TARGETS[name].share) if what == "runs" else sys.maxsize
        seconds = float(number) if what == "seconds" else float("inf")
        sys.stdout.write(fuzz(name, runs, seconds, seed) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
