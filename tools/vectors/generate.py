"""Writes the golden vectors of tests/vectors/ from SPEC.md and its table of messages, without importing bytefed.

Run `make vectors` after a change of either; a test compares its output with the files in the repository. Each file is
lines of fields between blanks; `#` begins a comment. A float32 is written as the decimal value of its 32 bits.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import frames
import head_codecs
import hearing
import kernel
import masks
import messages
import noise
import seals
import sound
import transfers

FILES: dict[str, Callable[[], Iterator[str]]] = {
    "frames.txt": frames.lines,
    "messages.txt": messages.lines,
    "acks.txt": transfers.ack_lines,
    "shuffle.txt": kernel.shuffle_lines,
    "exp.txt": kernel.exp_lines,
    "log.txt": kernel.log_lines,
    "sgd.txt": kernel.sgd_lines,
    "noise.txt": noise.lines,
    "masks.txt": masks.lines,
    "sound.txt": sound.lines,
    "hearing.txt": hearing.lines,
    "seal_handshakes.txt": seals.handshake_lines,
    "seal_frames.txt": seals.frame_lines,
    "seal_blobs.txt": seals.blob_lines,
    "seal_checks.txt": seals.check_lines,
    "codec.json": head_codecs.lines,
}


def write(folder: Path) -> None:
    """Write all files into `folder`."""
    for name, lines in FILES.items():
        (folder / name).write_text("".join(f"{line}\n" for line in lines()), encoding="ascii")


if __name__ == "__main__":
    default = Path(__file__).resolve().parents[2] / "tests" / "vectors"
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else default)
