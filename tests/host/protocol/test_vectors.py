"""The golden vectors: the files equal the generator's output and the results of the host's code."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from golden import ROOT, VECTORS, floats, read

from bytefed import _core
from bytefed.protocol.chunks import ChunkPlan, ChunkReceiver
from bytefed.protocol.message import MESSAGES
from bytefed.protocol.serial_frame import SerialDecoder, encode_serial_frame, serial_wire_size


def test_the_generator_makes_the_vectors_that_are_kept(tmp_path: Path) -> None:
    subprocess.run([sys.executable, ROOT / "tools" / "vectors" / "generate.py", tmp_path], check=True)
    made = sorted(tmp_path.iterdir())
    assert made
    for path in made:
        assert path.read_text() == (VECTORS / path.name).read_text(), (
            f"{path.name}: run tools/vectors/generate.py"
        )


def test_frames() -> None:
    for frame_hex, wire_hex in read("frames.txt"):
        frame, wire = bytes.fromhex(frame_hex), bytes.fromhex(wire_hex)
        assert encode_serial_frame(frame) == wire == _core.encode_serial_frame(frame)
        assert serial_wire_size(len(frame)) == len(wire)
        decoder = SerialDecoder()
        decoded = [*decoder.push(wire), *decoder.push(b"\0")]
        assert decoded[0].frame == frame
        assert decoded[0].wire >= len(wire) - 1


@pytest.mark.parametrize("kind", MESSAGES, ids=lambda kind: kind.__name__)
def test_messages(kind: type) -> None:
    rows = [row for row in read("messages.txt") if row[0] == kind.__name__]
    assert rows
    codes = kind.LAYOUT.format.lstrip("<")  # type: ignore[attr-defined]
    for _, number, *words, body_hex in rows:
        body = bytes.fromhex(body_hex)
        values = [
            struct.unpack("<f", int(word).to_bytes(4, "little"))[0] if code == "f" else int(word)
            for code, word in zip(codes, words, strict=True)
        ]
        assert int(number) == kind.KIND  # type: ignore[attr-defined]
        assert kind(*values).pack() == body
        assert kind.unpack(body) == kind(*values)  # type: ignore[attr-defined]
        assert _core.repack(int(number), body) == body


def test_acks() -> None:
    for transfer, count, window, start, chunks, frame_hex in read("acks.txt"):
        receiver = ChunkReceiver(ChunkPlan(int(count), 1, int(window)))
        arrived = [] if chunks == "-" else [int(i) for i in chunks.split(",")]
        for index in [*range(int(start)), *arrived]:
            assert receiver.receive(index, b"x")
        assert receiver.ack_frame(int(transfer)).hex() == frame_hex


def test_shuffles() -> None:
    for seed, round_, epoch, count, *order in read("shuffle.txt"):
        assert _core.shuffled(int(seed), int(round_), int(epoch), int(count)) == [int(i) for i in order]


@pytest.mark.parametrize(
    ("name", "function"), [("exp.txt", _core.exact_exp), ("log.txt", _core.exact_log)], ids=["exp", "log"]
)
def test_exp_and_log(name: str, function: object) -> None:
    rows = read(name)
    x = floats([row[0] for row in rows])
    y = np.empty_like(x)
    function(x, y)  # type: ignore[operator]
    assert [int(bits) for bits in y.view(np.uint32)] == [int(row[1]) for row in rows]
    reference = np.array([float(row[2]) for row in rows])
    ulp = np.spacing(np.maximum(np.abs(reference), np.finfo(np.float32).tiny).astype(np.float32))
    assert (np.abs(y - reference) <= 1.01 * ulp).all()
