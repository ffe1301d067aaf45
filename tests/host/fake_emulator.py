"""Stands in for the nRF52840's emulator: its command line and control channel, with a virtual board behind its socket.

What it is to do wrong comes in the environment variable FAKE_EMULATOR; each word is one of the faults of `Fake`.
"""

from __future__ import annotations

import argparse
import json
import os
import selectors
import socket
import sys
from pathlib import Path
from typing import Any

FAULT = {
    "event": "fault",
    "what": "read of a place where nothing is",
    "address": "e0000000",
    "at": "00026f1e loop()+1e",
    "exception": 0,
    "seconds": 1.25,
    "registers": {"r0": "e0000000", "lr": "00027001", "pc": "00026f1e"},
    "callers": ["00027000 main+10", "00030000 start_task"],
}
STATISTICS = {
    "ok": True,
    "seconds": 2.5,
    "instructions": 1_000_000,
    "idle_share": 0.98,
    "stacks": [
        {"name": "stack", "used": 1092, "size": 8192},
        {"name": "uxIdleTaskStack", "used": 88, "size": 512},
    ],
    "heap": {"name": "heap", "used": 12_000, "size": 150_472},
    "usb": {"configured": True},
    "flash": {"erases": 16, "words": 9216},
}
STRANGE = {"ok": True, "usb": {"configured": True}, "flash": "full"}


def wrapper(folder: Path) -> Path:
    """Return a program that runs this file, as $BYTEFED_EMULATOR may name it."""
    program = folder / "emulator"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{__file__}" "$@"\n')
    program.chmod(0o755)
    return program


class Fake:
    """One emulated board.

    Args:
        uid: Its identity.
        listener: Where its host comes to.
        faults: "silent": it never enumerates; "faulty": its image goes wrong at once; "late": at the first
            request behind its key; "deaf": no answers on the control channel; "strange": answers that make no sense;
            "wrong-bits": the first of its features is another one; "forgetful": it says that it saves, and does not.
        model: Name of its extractor, "" for none.
    """

    def __init__(self, uid: int, listener: socket.socket, faults: set[str], model: str) -> None:
        self.uid, self.listener, self.faults, self.model = uid, listener, faults, model
        from bytefed._core import VirtualFlash

        self.boot, self.flash = 1, VirtualFlash()
        self.client: socket.socket | None = None
        self.board = self.new_board()

    def new_board(self) -> Any:
        from bytefed._core import VirtualBoard
        from bytefed.extractor.extractor import Extractor

        if not self.model:
            return VirtualBoard(
                features=16, classes=4, uid=self.uid, boot=self.boot, capacity=500, max_batch=32,
                save=(lambda: True) if "forgetful" in self.faults else None, flash=self.flash,
            )  # fmt: skip
        import numpy as np

        extractor = Extractor.load(self.model)

        def extract(values: bytes) -> bytes:
            made = extractor.extract(np.frombuffer(values, np.int8).reshape(1, *extractor.input_shape))
            made[0, 0] ^= "wrong-bits" in self.faults
            return made.tobytes()

        return VirtualBoard(
            features=32, classes=10, uid=self.uid, boot=self.boot, capacity=500, max_batch=32,
            model=extractor.model_hash, extract=extract, input_size=int(np.prod(extractor.input_shape)),
            scale=extractor.quantization.scale, zero_point=extractor.quantization.zero_point, flash=self.flash,
        )  # fmt: skip

    def obey(self, order: dict[str, str]) -> dict[str, Any]:
        if "strange" in self.faults:
            return {"ok": False, "what": "no such order"} if order["do"] == "reset" else STRANGE
        if order["do"] == "reset":
            if self.client:
                self.client.close()
                self.client = None
            self.boot += 1
            self.board = self.new_board()
            return {"ok": True}
        return {**STATISTICS, "usb": {"configured": "silent" not in self.faults}}

    def go_wrong(self) -> None:
        sys.stderr.write("The image went wrong.\n  r0 e0000000\n" + json.dumps(FAULT) + "\n")
        sys.stderr.flush()
        os._exit(3)

    def serve(self) -> None:
        selector = selectors.DefaultSelector()
        selector.register(self.listener, selectors.EVENT_READ)
        selector.register(sys.stdin, selectors.EVENT_READ)
        busy = False
        while True:
            watched = [self.client] if self.client else []
            for each in watched:
                selector.register(each, selectors.EVENT_READ)
            ready = {key.fileobj for key, _ in selector.select(0 if busy else 1.0)}
            for each in watched:
                selector.unregister(each)
            if sys.stdin in ready:
                line = sys.stdin.buffer.raw.readline()
                if not line:
                    return
                answer = self.obey(json.loads(line))
                if "deaf" not in self.faults:
                    say(answer)
            if self.listener in ready:
                self.client = self.listener.accept()[0]
            busy = self.work(ready)

    def work(self, ready: set[Any]) -> bool:
        if self.client in ready:
            data = self.client.recv(4096)
            if not data:
                self.client.close()
                self.client = None
            elif "late" in self.faults and self.board.has_key:
                self.go_wrong()
            self.board.feed(data)
        busy = bool(self.board.poll())
        if self.client and (out := self.board.take()):
            self.client.sendall(out)
        return busy


def say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser()
    for option in ("--image", "--uid", "--seed", "--usb"):
        parser.add_argument(option, required=True)
    parser.add_argument("--bootloader")
    parser.add_argument("--state")
    parser.add_argument("--sensor")
    args = parser.parse_args()
    faults = set(os.environ.get("FAKE_EMULATOR", "").split())
    say({"event": "ready"})
    if "no-library" in faults:
        sys.stderr.write(
            "error while loading shared libraries: libunicorn.so.2: cannot open shared object file\n"
        )
        return 127
    listener = socket.socket(fileno=int(args.usb.removeprefix("fd:")))
    fake = Fake(int(args.uid, 16), listener, faults, os.environ.get("FAKE_MODEL", ""))
    if args.state:
        Path(args.state).write_bytes(b"\xff" * 16)
    if "faulty" in faults:
        fake.go_wrong()
    fake.serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())
