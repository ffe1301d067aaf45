"""`--trace FILE.pcapng`: packets that a reader of others understands, and whose lengths add up to the ledger."""

from __future__ import annotations

import csv
import logging
from pathlib import Path

import pytest

from bytefed.cli.main import main
from bytefed.protocol.message import Kind

RUN = ("run", "--rounds", "2", "--no-central", "--quiet", "--run-dir", "it")


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def records():
    """The records that the log of frames gets, as a second handler hears them."""
    kept = []
    handler = logging.Handler()
    handler.emit = kept.append
    logger = logging.getLogger("bytefed.frames")
    logger.addHandler(handler)
    yield kept
    logger.removeHandler(handler)


def packets():
    """Content and what is said of each packet, by scapy."""
    utils = pytest.importorskip("scapy.utils", reason="SKIPPED: needs scapy, which reads what is written")
    with utils.RawPcapNgReader("t.pcapng") as reader:
        return [*reader]


@pytest.mark.parametrize("boards", ["loopback:2", "loopback:2 --open"])
def test_another_reader_finds_every_frame(boards: str, records) -> None:
    assert main([*RUN, "--boards", *boards.split(), "--trace", "t.pcapng"]) == 0
    found = packets()
    assert len(found) == len(records) > 50
    for (content, about), record in zip(found, records, strict=True):
        entry = record.frame
        assert content == record.content and about.wirelen == entry["wire"] >= len(content)
        assert about.linktype == 147 and about.ifname.decode() == entry["board"]
        assert about.direction == {"up": 1, "down": 2}[entry["direction"]]
        if (kind := Kind.__members__.get(entry["frame"])) is not None:  # opened: a sealed one has other bytes
            assert kind in (content[0], content[0] & 0xF0)
        comment = about.comments[0].decode()
        assert comment.startswith(f"{entry['frame']}: ")
        assert sum(int(word.split()[-1]) for word in comment.partition(": ")[2].split(", ")) == entry["wire"]
        seconds = ((about.tshigh << 32) + about.tslow) / about.tsresol
        assert seconds == pytest.approx(record.created, abs=1e-5)
    total = 0
    for name in ("bytes.csv", "sessions.csv"):
        with Path("it", name).open(newline="") as file:
            total += sum(int(row["wire_total"]) for row in csv.DictReader(file))
    assert sum(about.wirelen for _, about in found) == total


def test_a_file_that_can_not_be_written_has_a_code(capsys) -> None:
    assert main([*RUN, "--boards", "loopback:1", "--trace", "nowhere/t.pcapng"]) == 1
    assert "E_OUTPUT" in capsys.readouterr().err
