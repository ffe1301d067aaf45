"""The portable core of the firmware, compiled for this machine."""

from collections.abc import Callable, Sequence
from typing import Annotated

import numpy
from numpy.typing import NDArray


def encode(codec: int, values: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu')], seed: int) -> bytes:
    """
    Encode `values` (float32 [n]) and leave there what the blob lacks; the blob.
    """

def decode(codec: int, blob: bytes, seed: int, out: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu')]) -> None:
    """Write the values of a blob to out (float32 [n])."""

def lossy_memory(features: int, classes: int) -> int:
    """Bytes of RAM that lossy codecs take on a board."""

def downlink_seed(round: int) -> int: ...

def uplink_seed(seed: int, round: int) -> int: ...

def train(head: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu')], x: Annotated[NDArray[numpy.int8], dict(shape=(None, None), order='C', device='cpu', writable=False)], y: Annotated[NDArray[numpy.uint8], dict(shape=(None,), order='C', device='cpu', writable=False)], classes: int, *, scale: float, zero_point: int, epochs: int, batch: int, rate: float, seed: int, round: int, proximal_mu: float = 0.0) -> tuple[float, int]:
    """
    Train `head` (float32 [P], changed in place) on x (int8 [n, D]), y (uint8 [n]);
    (mean loss, correct) of the last epoch.
    """

def logits(head: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)], x: Annotated[NDArray[numpy.int8], dict(shape=(None, None), order='C', device='cpu', writable=False)], classes: int, *, scale: float, zero_point: int, out: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu')]) -> None:
    """Write the logits of x (int8 [n, D]) to out (float32 [n * C])."""

def kernels_agree(head: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)], x: Annotated[NDArray[numpy.int8], dict(shape=(None, None), order='C', device='cpu', writable=False)], classes: int, zero_point: int, g: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)]) -> bool:
    """Whether the tuned loops give the bits of the plain ones."""

def arithmetic_is_exact() -> bool:
    """Whether this build, on this processor, passes the core's self-test."""

def exact_exp(x: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)], out: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu')]) -> None: ...

def exact_log(x: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)], out: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu')]) -> None: ...

def shuffled(seed: int, round: int, epoch: int, count: int) -> list:
    """The order in which an epoch visits `count` samples."""

def crc16(arg: bytes, /) -> int: ...

def crc32(arg: bytes, /) -> int: ...

def encode_serial_frame(frame: bytes) -> bytes: ...

def encode_bare_serial_frame(frame: bytes) -> bytes:
    """The same without a CRC-16, for frames that a tag proves."""

def repack(kind: int, body: bytes) -> object:
    """Unpack and pack a message's body; None when it is too short."""

class SerialFrameDecoder:
    def __init__(self) -> None: ...

    def push(self, wire: bytes) -> list[bytes]:
        """Feed bytes, get the valid frames they complete."""

class SerialReader:
    def __init__(self) -> None: ...

    def push(self, wire: bytes) -> list[tuple[bytes | None, int, bytes | None]]:
        """
        Feed bytes, get what they complete: a frame (empty for padding, None without a right CRC-16), its bytes on the wire, and the frame that a tag may prove (None for none).
        """

    @property
    def pending(self) -> int:
        """Bytes taken that are not part of anything returned so far."""

def blake2b(data: bytes, key: bytes, digest_size: int) -> bytes: ...

def x25519(secret: bytes, point: bytes) -> bytes | None:
    """The shared secret; None for a point of low order."""

def chacha20(key: bytes, nonce: int, block: int, data: bytes) -> bytes:
    """data XOR the keystream from that block of 64 bytes on."""

def aead_lock(key: bytes, nonce: bytes, associated: bytes, text: bytes) -> bytes:
    """ChaCha20-Poly1305: hidden text and tag."""

class HostHandshake:
    def __init__(self, key: bytes, secret: bytes) -> None: ...

    def write(self, payload: bytes) -> bytes:
        """The first message."""

    def read(self, message: bytes) -> bytes | None:
        """The answer's payload; None if it is from somebody else."""

    @property
    def keys(self) -> tuple[bytes, bytes]:
        """Keys of the directions down and up, once read."""

class BoardHandshake:
    def __init__(self, key: bytes) -> None: ...

    def read(self, message: bytes) -> bytes | None:
        """
        The first message's payload; None if it is from somebody without the key.
        """

    def write(self, payload: bytes, secret: bytes) -> bytes | None:
        """The answer; None if the other side's point is of low order."""

    @property
    def keys(self) -> tuple[bytes, bytes]:
        """Keys of the directions down and up, once written."""

class SealSender:
    def __init__(self, key: bytes) -> None: ...

    def seal(self, frame: bytes) -> bytes:
        """The sealed frame, nine bytes longer."""

    def begin_blob(self, blob: bytes) -> tuple[int, bytes]:
        """The blob's number and tag."""

    def hide(self, position: int, chunk: bytes) -> bytes:
        """Bytes of the blob begun last, as they travel."""

class SealReceiver:
    def __init__(self, key: bytes) -> None: ...

    def open(self, sealed: bytes) -> bytes | None:
        """
        The frame; None for all that the other end did not seal, or that was opened before.
        """

    def show(self, number: int, position: int, chunk: bytes) -> bytes:
        """Bytes of a blob as they are."""

    def is_blob(self, number: int, tag: bytes, blob: bytes) -> bool: ...

class Simulator:
    """
    Many clients over one array of samples; see bytefed.simulation.simulator.
    """

    def __init__(self, features: Annotated[NDArray[numpy.int8], dict(shape=(None, None), order='C', device='cpu', writable=False)], labels: Annotated[NDArray[numpy.uint8], dict(shape=(None,), order='C', device='cpu', writable=False)], order: Annotated[NDArray[numpy.int32], dict(shape=(None,), order='C', device='cpu', writable=False)], bounds: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)], test_sizes: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)], *, classes: int, scale: float, zero_point: int, threads: int, fast: bool = True) -> None: ...

    def train(self, clients: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)], seeds: Annotated[NDArray[numpy.uint32], dict(shape=(None,), order='C', device='cpu', writable=False)], heads: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], version: Annotated[NDArray[numpy.int32], dict(shape=(None,), order='C', device='cpu', writable=False)], *, round: int, epochs: int, batch: int, rate: float, proximal_mu: float, codec: int, residuals: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu')], deltas: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu')], losses: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu')], correct: Annotated[NDArray[numpy.int32], dict(shape=(None,), order='C', device='cpu')], norms: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')], personal: Annotated[NDArray[numpy.int32], dict(shape=(None,), order='C', device='cpu')]) -> None:
        """
        Train clients, each from heads[version]; deltas, losses, correct and norms are written, residuals of
        lossy codecs brought up to date. If personal is not empty: how many own test samples each trained
        head classifies correctly.
        """

    def train_with_noise(self, clients: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)], seeds: Annotated[NDArray[numpy.uint32], dict(shape=(None,), order='C', device='cpu', writable=False)], heads: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], version: Annotated[NDArray[numpy.int32], dict(shape=(None,), order='C', device='cpu', writable=False)], *, round: int, rate: float, clip: float, cost: int, grid: int, keys: Annotated[NDArray[numpy.uint8], dict(shape=(None, None), order='C', device='cpu', writable=False)], codec: int, residuals: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu')], deltas: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu')], norms: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')]) -> None: ...

    def add_shares(self, deltas: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu')], keys: Annotated[NDArray[numpy.uint8], dict(shape=(None, None), order='C', device='cpu', writable=False)], norms: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')], words: Annotated[NDArray[numpy.uint64], dict(shape=(None,), order='C', device='cpu')], lanes: Annotated[NDArray[numpy.uint64], dict(shape=(None,), order='C', device='cpu')], *, round: int, codec: int, boards: int, step: float, grid: int, cost: int) -> None:
        """
        Do what add_hidden does for boards that bound their deltas and make a share of the noise each, by keys
        (uint8 [n, 32]). Deltas become zeros, and so do norms: training that diverged adds nothing, and counts.
        """

    def evaluate(self, clients: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)], heads: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], version: Annotated[NDArray[numpy.int32], dict(shape=(None,), order='C', device='cpu', writable=False)], correct: Annotated[NDArray[numpy.int32], dict(shape=(None,), order='C', device='cpu')]) -> None:
        """
        Write how many of its own test samples each client classifies correctly.
        """

    def add_hidden(self, clients: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)], deltas: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu')], residuals: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], losses: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)], correct: Annotated[NDArray[numpy.int32], dict(shape=(None,), order='C', device='cpu', writable=False)], tested: Annotated[NDArray[numpy.int32], dict(shape=(None,), order='C', device='cpu', writable=False)], norms: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')], words: Annotated[NDArray[numpy.uint64], dict(shape=(None,), order='C', device='cpu')], lanes: Annotated[NDArray[numpy.uint64], dict(shape=(None,), order='C', device='cpu')], *, round: int, codec: int, boards: int, reference: int, step: float) -> None:
        """
        Add what boards hide in a secure sum to words (uint64 [5]) and lanes; the masks are left out, for they
        cancel. Deltas become encoding errors if the codec is lossy. norms is NaN for clients that don't count,
        and becomes it where nothing finite is left to encode.
        """

    def add(self, total: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')], deltas: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], weights: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)]) -> None:
        """Add weights[k] * deltas[k] to total (float64 [P]), in the order of k."""

SOUND_RAM: int = 2128

def log_mel(samples: Annotated[NDArray[numpy.int16], dict(shape=(None,), order='C', device='cpu', writable=False)], tables: Annotated[NDArray[numpy.int16], dict(shape=(None,), order='C', device='cpu', writable=False)], *, frame: int, step: int, out: Annotated[NDArray[numpy.uint16], dict(shape=(None, None), order='C', device='cpu')]) -> int:
    """
    Write the features of sound (int16 [n]) to out (uint16 [frames, bands]); the frames written.
    """

def halved(samples: Annotated[NDArray[numpy.int16], dict(shape=(None,), order='C', device='cpu', writable=False)], out: Annotated[NDArray[numpy.int16], dict(shape=(None,), order='C', device='cpu')]) -> int:
    """
    Write sound (int16 [n]) at half its rate to out (int16 [n / 2]); the samples written.
    """

class Ear:
    def __init__(self, tables: Annotated[NDArray[numpy.int16], dict(shape=(None,), order='C', device='cpu', writable=False)], *, frame: int, step: int, bands: int, frames: int, halves: bool, scale: float, zero_point: int) -> None: ...

    def clear(self, on_sound: bool = False) -> None:
        """
        Forget all that was heard, but its level; windows begin anew, where sound starts if wanted.
        """

    def restart_level(self) -> None:
        """Forget the level of what was heard."""

    def take(self, samples: Annotated[NDArray[numpy.int16], dict(shape=(None,), order='C', device='cpu', writable=False)]) -> int:
        """Take samples (int16 [n]) until a window is complete; how many it took."""

    def window(self) -> bytes | None:
        """The window that is complete, int8 values; None while there is none."""

    @property
    def peak(self) -> int:
        """The largest |sample| of the last moments, 0 to 32,768."""

    @property
    def clipped(self) -> int:
        """Samples at an end of the range since the level was restarted."""

class VirtualFlash:
    def __init__(self, pages: int = 64) -> None: ...

    def fail_after(self, operations: int) -> None:
        """
        Let the power fail at that write or erasure, counted from 1; 0: at the next; negative: never.
        """

    @property
    def content(self) -> bytes: ...

class VirtualBoard:
    def __init__(self, *, features: int, classes: int, uid: int, boot: int = 1, capacity: int = 500, max_batch: int = 32, model: int = 0, input_size: int = 0, scale: float = 1.0, zero_point: int = 0, extract: Callable | None = None, sense: Callable | None = None, sense_time: int = 0, version: Sequence[int] = [0, 0, 0], window: int = 32, frame_limit: int = 244, save: Callable | None = None, key: bytes | None = None, flash: VirtualFlash | None = None, most_classes: int = 0, noise: Callable | None = None, level: Callable | None = None) -> None: ...

    def feed(self, data: bytes) -> None:
        """Bytes from the host, serial framing."""

    def take(self) -> bytes:
        """Bytes to the host, serial framing."""

    def feed_frame(self, frame: bytes) -> None:
        """A frame from the host, as BLE carries it."""

    def take_frames(self) -> list[bytes]:
        """Frames to the host, as BLE carries them."""

    def disconnect(self) -> None:
        """End the connection that carries frames."""

    def poll(self, limit: int = 256) -> bool:
        """Work for up to `limit` slices; whether there is more."""

    @property
    def state(self) -> int: ...

    @property
    def round(self) -> int: ...

    def samples(self, test: bool = False) -> int: ...

    def set_millis(self, millis: int) -> None:
        """Stop the board's clock there: for worlds with a time of their own."""

    @property
    def has_key(self) -> bool: ...

    @property
    def senses(self) -> bool:
        """
        Whether it waits for windows of its sensor: then it has to be polled, though it is not busy.
        """

    @property
    def radio(self) -> bool:
        """Whether it has a radio that is on; at first it has none."""

    @radio.setter
    def radio(self, arg: bool, /) -> None: ...

    @property
    def shown(self) -> bytes:
        """The text that everybody near can read without a key; empty: nothing."""

    @property
    def global_head(self) -> bytes: ...

    @property
    def personal_head(self) -> bytes: ...

    @property
    def residual(self) -> bytes: ...
