"""Keeps the fuzzers' inputs, one archive a target: tests/fuzz/corpus/TARGET.tar.gz.

python tests/fuzz/corpus.py add TARGET FILE...       keep these inputs, too; TARGET is session, ..., or host/tflite, ...
python tests/fuzz/corpus.py unpack TARGET FOLDER     write all of a target's inputs to a folder
python tests/fuzz/corpus.py pack TARGET FOLDER       keep what is in that folder, instead of what was kept
"""

from __future__ import annotations

import gzip
import hashlib
import io
import sys
import tarfile
from pathlib import Path

CORPUS = Path(__file__).with_name("corpus")


def read(archive: str) -> dict[str, bytes]:
    """Return the inputs of an archive by their names; those of host are called PARSER/NAME."""
    path = CORPUS / f"{archive}.tar.gz"
    if not path.exists():
        return {}
    with tarfile.open(path) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar if member.isfile()}  # type: ignore[union-attr]


def write(archive: str, inputs: dict[str, bytes]) -> None:
    """Replace an archive. Order, times and owners are fixed, so that nothing but the inputs decides its bytes."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in sorted(inputs):
            member = tarfile.TarInfo(name)
            member.size = len(inputs[name])
            tar.addfile(member, io.BytesIO(inputs[name]))
    CORPUS.mkdir(exist_ok=True)
    (CORPUS / f"{archive}.tar.gz").write_bytes(gzip.compress(packed.getvalue(), mtime=0))


def add(target: str, files: list[Path]) -> None:
    """Keep inputs under the SHA-1 of their bytes, as libFuzzer names them: the same input is kept once."""
    archive, _, parser = target.partition("/")
    prefix = f"{parser}/" if parser else ""
    contents = [file.read_bytes() for file in files]
    new = {prefix + hashlib.sha1(data, usedforsecurity=False).hexdigest(): data for data in contents}
    write(archive, {**read(archive), **new})


def unpack(target: str, folder: Path) -> None:
    """Write a target's inputs to a folder, and remove what else is there."""
    folder.mkdir(parents=True, exist_ok=True)
    inputs = read(target)
    for stale in {path.name for path in folder.iterdir()} - inputs.keys():
        (folder / stale).unlink()
    for name, data in inputs.items():
        (folder / name).write_bytes(data)


def main() -> None:
    """Do what the command line says."""
    match sys.argv[1:]:
        case ["add", target, *files] if files:
            add(target, [Path(file) for file in files])
        case ["unpack", target, folder]:
            unpack(target, Path(folder))
        case ["pack", target, folder]:
            write(target, {path.name: path.read_bytes() for path in Path(folder).iterdir()})
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
