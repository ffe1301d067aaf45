"""A blob in numbered chunks, a window at a time: SPEC.md section 4. No I/O, no time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from bytefed.errors import ConfigError
from bytefed.protocol.header import DataHeader
from bytefed.protocol.message import HEADER_SIZE, MAX_CHUNKS, MAX_WINDOW


@dataclass(frozen=True)
class ChunkPlan:
    """The division of a blob into chunks.

    Attributes:
        length: Bytes of the blob, at least 1.
        chunk: Bytes of a chunk, at least 1; the last chunk has what remains.
        window: Number of chunks in one burst, 1 to 32.

    Raises:
        ConfigError: E_TOO_LARGE when the blob has more than MAX_CHUNKS chunks.
    """

    length: int
    chunk: int
    window: int

    def __post_init__(self) -> None:
        if self.length < 1 or self.chunk < 1 or not 1 <= self.window <= MAX_WINDOW:
            raise ValueError(f"impossible transfer: {self}")
        if self.count > MAX_CHUNKS:
            raise ConfigError(
                "E_TOO_LARGE",
                f"{self.length:,} bytes in frames of {self.chunk + HEADER_SIZE} are {self.count:,} chunks; a transfer "
                f"has {MAX_CHUNKS:,} at most",
                "Take a codec with smaller blobs, a link with larger frames, or a smaller head.",
            )

    @cached_property
    def count(self) -> int:
        """Number of chunks."""
        return -(-self.length // self.chunk)

    def size_of(self, index: int) -> int:
        """Return the bytes of chunk `index`."""
        return min(self.chunk, self.length - index * self.chunk)

    def window_of(self, index: int) -> range:
        """Return the chunks of the window that holds chunk `index`."""
        start = index // self.window * self.window
        return range(start, min(start + self.window, self.count))


@dataclass(frozen=True)
class Ack:
    """The content of an ACK frame.

    Attributes:
        first: The first missing chunk; the number of chunks when none is missing.
        arrived: Chunks after `first`, in the same window, that have arrived.
        status: The final status; None when there is none.
        lost: Whether the frame itself was lost, and what it would have said is known from a RESULT that came unasked.
    """

    first: int
    arrived: frozenset[int]
    status: int | None
    lost: bool = False

    @classmethod
    def unpack(cls, frame: bytes, plan: ChunkPlan) -> Ack:
        """Read an ACK of a transfer with this plan; bits beyond the window are ignored."""
        first = DataHeader.unpack(frame).index
        body = frame[HEADER_SIZE:]
        if first >= plan.count:
            return cls(plan.count, frozenset(), body[0] if len(body) == 1 else None)
        bits = int.from_bytes(body[: MAX_WINDOW // 8], "little")
        window = plan.window_of(first)
        arrived = frozenset(i for i in window if i > first and bits >> (i - window.start) & 1)
        return cls(first, arrived, None)


class ChunkSender:
    """The sending end of a transfer: yields the frames that an ACK asks for.

    Args:
        blob: The bytes to send.
        plan: The division of the blob into chunks.
        transfer: The transfer's number, 0..3.
    """

    def __init__(self, blob: bytes, plan: ChunkPlan, transfer: int) -> None:
        self._blob = blob
        self._plan = plan
        self._transfer = transfer
        self._known: set[int] = set()  # chunks that the receiver is known to have

    @property
    def confirmed(self) -> int:
        """Number of chunks that the receiver is known to have."""
        return len(self._known)

    def advances_by(self, ack: Ack) -> bool:
        """Take note of an ACK; return True if it says anything new."""
        have = set(range(ack.first)) | ack.arrived
        new = not have <= self._known
        self._known |= have
        return new

    def frames(self, ack: Ack) -> Iterator[tuple[int, bytes]]:
        """Yield index and frame of each chunk missing in the window that holds `ack.first`; poll bit on the last."""
        missing = [i for i in self._plan.window_of(ack.first) if i >= ack.first and i not in ack.arrived]
        for i in missing:
            header = DataHeader(self._transfer, i == missing[-1], i)
            start = i * self._plan.chunk
            yield i, header.pack() + self._blob[start : start + self._plan.chunk]


class ChunkReceiver:
    """The receiving end of a transfer: puts chunks together and says which are missing."""

    def __init__(self, plan: ChunkPlan) -> None:
        self.plan = plan
        self._chunks: dict[int, bytes] = {}
        self.first_missing = 0

    @property
    def complete(self) -> bool:
        """Whether the whole blob is here."""
        return self.first_missing == self.plan.count

    def missing(self, window: range) -> int:
        """Return how many of these chunks are missing."""
        return sum(i not in self._chunks for i in window)

    def receive(self, index: int, data: bytes) -> bool:
        """Take a chunk; return False if it is a duplicate, has no place in the plan, or has the wrong size."""
        if index in self._chunks or index >= self.plan.count or len(data) != self.plan.size_of(index):
            return False
        self._chunks[index] = data
        while self.first_missing in self._chunks:
            self.first_missing += 1
        return True

    def ack_frame(self, transfer: int) -> bytes:
        """Return the ACK that asks for what is missing."""
        header = DataHeader(transfer, False, self.first_missing).pack()
        window = self.plan.window_of(self.first_missing)
        bits = sum(1 << (i - window.start) for i in window if i in self._chunks)
        if bits >> (self.first_missing - window.start) == 0:
            return header
        return header + bits.to_bytes((self.plan.window + 7) // 8, "little")

    def blob(self) -> bytes:
        """Return the blob; `complete` must hold."""
        return b"".join(self._chunks[i] for i in range(self.plan.count))
