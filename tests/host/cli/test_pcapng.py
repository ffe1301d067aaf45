"""`--trace FILE.pcapng`: packets that a reader of others understands, and whose lengths add up to the ledger."""

from __future__ import annotations

import csv
import logging
import re
import shlex
import shutil
import subprocess
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


def test_tshark_shows_boards_and_causes_by_the_command_of_the_docs():
    if shutil.which("tshark") is None:
        pytest.skip("SKIPPED: needs tshark")
    assert main([*RUN, "--boards", "loopback:1", "--trace", "FILE.pcapng"]) == 0
    text = (Path(__file__).resolve().parents[3] / "docs/scripting.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"`(tshark [^`]+)`", text)
    done = subprocess.run(shlex.split(command), capture_output=True, text=True, check=True)
    first, second = (line.split("\t") for line in done.stdout.splitlines()[:2])
    assert (first[1], second[1]) == ("loopback:0", "loopback:0")
    assert second[3].startswith("GREET: ") and int(second[2]) == 61
