"""CIFAR-10: the real loader on a small archive in the real format, and the download that resumes."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest

from bytefed.data import cifar10
from bytefed.data.load import TASKS
from bytefed.data.partition import dirichlet
from bytefed.download import WebFile, fetch
from bytefed.errors import ConfigError, DataError

EACH = 60


def records(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 10, EACH)
    return np.hstack([labels[:, None], rng.integers(0, 256, (EACH, 3072))]).astype(np.uint8)


def write_archive(path, change=lambda name, content: content):
    with tarfile.open(path, "w:gz") as archive:
        for number, name in enumerate(cifar10.FILES):
            content = change(name, records(number).tobytes())
            info = tarfile.TarInfo(f"{cifar10.FOLDER}/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


@pytest.fixture
def folder(tmp_path):
    write_archive(tmp_path / cifar10.ARCHIVE.name)
    return tmp_path


def test_reads_the_archive(folder):
    raw = cifar10.read(folder)
    assert raw.inputs.shape == (6 * EACH, 32, 32, 3)
    assert raw.inputs.dtype == np.float32
    last = records(5)  # the test batch comes last, as FL-bench merges them
    assert (raw.labels[-EACH:] == last[:, 0]).all()
    red, green = last[7, 1 : 1 + 1024].reshape(32, 32), last[7, 1025:2049].reshape(32, 32)
    picture = raw.inputs[-EACH + 7]
    assert np.allclose(picture[..., 0] * 255, red)
    assert np.allclose(picture[..., 1] * 255, green)


def test_reads_an_unpacked_folder(folder):
    expected = cifar10.read(folder)
    with tarfile.open(folder / cifar10.ARCHIVE.name) as archive:
        archive.extractall(folder, filter="data")
    (folder / cifar10.ARCHIVE.name).unlink()
    for place in (folder, folder / cifar10.FOLDER):
        assert (cifar10.read(place).inputs == expected.inputs).all()


def test_the_division_keeps_the_extractors_part_apart(folder):
    raw, division = TASKS["cifar10"].load(folder)
    parts = [division.pretrain, division.federated, division.test]
    assert [len(part) for part in parts] == [72, 228, 60]
    assert len(np.unique(np.concatenate(parts))) == len(raw.labels)


def test_the_partition_is_flbenchs():
    """FL-bench, commit 06e658b, with its defaults, on labels in CIFAR-10's numbers."""
    labels = np.repeat(np.arange(10), 6000)
    sizes = dirichlet(labels, 10, 100, 0.1, seed=42).sizes
    assert (sizes.min(), np.median(sizes), sizes.max()) == (14, 495.5, 3091)


@pytest.mark.parametrize(
    "change",
    [
        lambda name, content: content[:-1],
        lambda name, content: b"",
        lambda name, content: b"\x0a" + content[1:],
    ],
    ids=["short", "empty", "label 10"],
)
def test_refuses_what_is_not_cifar10(tmp_path, change):
    write_archive(tmp_path / cifar10.ARCHIVE.name, change)
    with pytest.raises(DataError, match="E_DATA_FORMAT"):
        cifar10.read(tmp_path)


def test_refuses_a_broken_archive(folder):
    path = folder / cifar10.ARCHIVE.name
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(DataError, match="E_DATA_FORMAT"):
        cifar10.read(folder)


def test_names_what_is_missing(tmp_path):
    with pytest.raises(DataError, match="E_DATA_MISSING"):
        cifar10.read(tmp_path)


def test_the_extractor_needs_tensorflow(monkeypatch, tmp_path):
    from bytefed.data import first_use

    monkeypatch.setattr(first_use, "MODEL_FOLDERS", (tmp_path,))
    monkeypatch.setattr(first_use.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="E_CONFIG_EXTRA"):
        first_use.make_model("cifar10", None)


class Server:
    """A web server that breaks off, and may or may not resume."""

    def __init__(self, content: bytes, *, stops_after: int = 1 << 30, resumes: bool = True) -> None:
        self.content, self.stops_after, self.resumes = content, stops_after, resumes
        self.starts: list[int] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                first = int(self.headers["Range"].removeprefix("bytes=").rstrip("-")) if outer.resumes else 0
                outer.starts.append(first)
                self.send_response(206 if outer.resumes else 200)
                self.end_headers()
                self.wfile.write(outer.content[first : first + outer.stops_after])

            def log_message(self, *_):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def file(self, sha256: str | None = None) -> WebFile:
        url = f"http://127.0.0.1:{self.server.server_port}/some.bin"
        return WebFile(url, len(self.content), sha256 or hashlib.sha256(self.content).hexdigest())


CONTENT = bytes(range(256)) * 40


@pytest.mark.parametrize("resumes", [True, False])
def test_a_download_goes_on_where_it_stopped(tmp_path, resumes):
    with Server(CONTENT, stops_after=6000, resumes=resumes) as server:
        with pytest.raises(DataError, match="E_DATA_DOWNLOAD"):
            fetch(server.file(), tmp_path)
        assert (tmp_path / "some.bin.part").stat().st_size == 6000
        server.stops_after = 1 << 30
        assert fetch(server.file(), tmp_path).read_bytes() == CONTENT
        assert server.starts == ([0, 6000] if resumes else [0, 0])
        assert fetch(server.file(), tmp_path).read_bytes() == CONTENT
        assert len(server.starts) == 2  # what is there is not asked for again


def test_another_file_is_refused(tmp_path):
    with Server(CONTENT) as server, pytest.raises(DataError, match="E_DATA_CHECKSUM"):
        fetch(server.file("0" * 64), tmp_path)
    assert not list(tmp_path.iterdir())
