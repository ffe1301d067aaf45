"""The commands of `bytefed`, one module each: `add_parser` says what a command takes, `run` does it."""

from __future__ import annotations

COMMANDS = {
    "run": "train the boards, average, evaluate; every byte on the ledger",
    "ui": "a page in the browser: boards, captures, training, live predictions, runs",
    "simulate": "train very many clients without boards; the same bits, the same bytes",
    "report": "one page that shows what runs learned and where their bytes went",
    "audit": "play the attacker against a run, and say what it got of its samples",
    "export": "take what a run learnt elsewhere: .npz, Keras, one .tflite file, C++",
    "estimate": "what training will send: the classic W x C x R, then exactly",
    "sweep": "compare codecs, local epochs, participation and strategies over seeds",
    "partition": "show who has what: samples of each class on each client",
    "pair": "give a board a key by cable; all that it says is then sealed",
    "keys": "list, renew, forget and hand over the keys of boards",
    "devices": "list boards: what each is, and what it holds",
    "labels": "name what boards learn to tell apart; add a label later",
    "capture": "let a board take labelled samples from its sensor",
    "record": "write a sensor's signal into a folder for --data",
    "watch": "show live what boards take their sensors' windows for",
    "flash": "build and upload a board's firmware",
    "doctor": "say why a board can't be reached",
    "board": "start virtual boards, each behind a pseudo-terminal",
    "model": "make, add, list feature extractors of your own; make features quick to learn",
    "gateway": "own a room's boards for a federation of rooms (Flower)",
    "completion": "print what lets a shell complete commands and options; or the manual page",
}
"""Each command's module in this package, and its line in `bytefed --help`; in the order shown there.

A command's module is imported only when that command is chosen, so that `bytefed --help` answers at once.
"""
