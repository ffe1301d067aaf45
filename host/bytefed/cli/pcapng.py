"""Frames as packets in a pcapng file, for Wireshark and other readers of packet captures.

Each board is an interface, named by its URI, of link type LINKTYPE_USER0 (147). A packet is a frame of SPEC.md: two
bytes of header and the body, without the link's framing, opened where the link is sealed. Its length on the wire is the
one that the ledger counts, framing and seal included; what is no frame, such as a lone delimiter, has that length
alone. The packet's flags have the direction, its comment the frame's name and the causes of its bytes. Format:
draft-ietf-opsawg-pcapng.
"""

from __future__ import annotations

import logging
import struct
from pathlib import Path

from bytefed.private_files import make_file

LINKTYPE_USER0 = 147
_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_COMMENT, _NAME, _FLAGS = 1, 2, 2  # options; a number means something else in each kind of block
_DIRECTIONS = {"up": 1, "down": 2}  # inbound, outbound


class PacketFile(logging.Handler):
    """Writes the records of the log of frames into a file.

    Args:
        path: The file, which is written anew.

    Raises:
        OSError: It can't be written to.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._file = make_file(path).open("wb")
        self._boards: dict[str, int] = {}
        self._file.write(_block(_SECTION, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)))

    def emit(self, record: logging.LogRecord) -> None:
        """Write a frame; and first its board, if that is a new one."""
        try:
            entry, content = record.__dict__["frame"], record.__dict__["content"]
            board = self._boards.get(entry["board"])
            if board is None:
                board = self._boards[entry["board"]] = len(self._boards)
                name = _option(_NAME, entry["board"].encode())
                self._file.write(
                    _block(_INTERFACE, struct.pack("<HHI", LINKTYPE_USER0, 0, 0) + name + _option(0))
                )
            self._file.write(_packet(board, int(record.created * 1e6), entry, content))
        except OSError:
            self.handleError(record)

    def flush(self) -> None:
        """Hand over what is buffered."""
        if not self._file.closed:
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


def _packet(board: int, microseconds: int, entry: dict[str, object], content: bytes) -> bytes:
    causes = {name: value for name, value in entry.items() if isinstance(value, int) and name != "wire"}
    said = f"{entry['frame']}: " + ", ".join(f"{name} {value}" for name, value in causes.items() if value)
    head = struct.pack(
        "<IIIII", board, microseconds >> 32, microseconds & 0xFFFFFFFF, len(content), entry["wire"]
    )
    flags = struct.pack("<I", _DIRECTIONS[str(entry["direction"])])
    options = _option(_COMMENT, said.encode()) + _option(_FLAGS, flags) + _option(0)
    return _block(_PACKET, head + _padded(content) + options)


def _option(code: int, value: bytes = b"") -> bytes:
    return struct.pack("<HH", code, len(value)) + _padded(value)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _block(kind: int, body: bytes) -> bytes:
    size = len(body) + 12
    return struct.pack("<II", kind, size) + body + struct.pack("<I", size)
