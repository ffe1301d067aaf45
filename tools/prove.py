"""Ask ProVerif for the verdicts on docs/security/*.pv, and hold them to those that are recorded beside the models.

Then each attack of docs/security/broken.toml: a model that is broken on purpose, in which it has to find one.

python tools/prove.py            # all of it again (ten minutes and more); SKIPPED without ProVerif
python tools/prove.py --record   # into docs/security/*.txt
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "security"
SKIPPED = "SKIPPED: the models of docs/security, `proverif` is not on the PATH"
_REPLAY = "inj-event(Answers("
_HOW = 'How "each answered GREET is a fresh one" fails:'
_QUERY = re.compile(r"^query\b.*?\.\n", flags=re.MULTILINE | re.DOTALL)
_FOUND = "A trace has been found."


@dataclass(frozen=True)
class Broken:
    """A model with one thing broken in one file, and the part of a query that tells which has to become false."""

    name: str
    model: str
    file: str
    right: str
    wrong: str
    query: str

    def write(self, folder: Path) -> Path:
        """Copy the models into a folder, broken, with that query alone; the broken model's path."""
        shutil.copytree(FOLDER, folder, dirs_exist_ok=True)
        text = (folder / self.file).read_text()
        if self.right not in text:
            raise SystemExit(f"{self.name}: {self.file} does not have: {self.right}")
        (folder / self.file).write_text(text.replace(self.right, self.wrong))
        for path in [*folder.glob("*.pv"), *folder.glob("*.pvl")]:
            path.write_text(_QUERY.sub(lambda found: found[0] * (self.query in found[0]), path.read_text()))
        return folder / f"{self.model}.pv"


def broken() -> list[Broken]:
    """Return the models that are broken on purpose."""
    return [Broken(**one) for one in tomllib.loads((FOLDER / "broken.toml").read_text())["broken"]]


def models() -> list[Path]:
    """Return the models, in the order of their names."""
    return sorted(FOLDER.glob("*.pv"))


def command(model: Path) -> list[str]:
    """Return the command that a model's first line names."""
    found = re.match(r"\(\* (proverif .*\.pv) \*\)\n", model.read_text())
    if found is None:
        raise SystemExit(f"{model.name} does not begin with the command that runs it")
    return found[1].split()


def queries(model: Path) -> int:
    """Count what a model asks, in the files that its command names."""
    files = [word for word in command(model) if word.endswith((".pv", ".pvl"))]
    text = "".join((model.parent / name).read_text() for name in files)
    return len(re.findall(r"^query\b", re.sub(r"\(\*.*?\*\)", "", text, flags=re.DOTALL), flags=re.MULTILINE))


def verdicts(text: str) -> dict[str, str]:
    """Return what a summary of ProVerif's says of each query: `true`, `false` or `cannot be proved`.

    The numbers that it adds to the names of variables are left out: they depend on its release.
    """
    found = re.findall(
        r"^(?: - )?Query (.*?) (?:is (true|false)|(cannot be proved))\.$", text, flags=re.MULTILINE
    )
    return {re.sub(r"\b([a-z]+)_\d+", r"\1", query): yes or no for query, yes, no in found}


def recorded(model: Path) -> str:
    """Return the output that is kept of a model."""
    return model.with_suffix(".txt").read_text()


def recorded_attacks() -> dict[str, str]:
    """Return the attacks that are kept, by the names of the broken models."""
    parts = re.split(r"^==== (.*)\n", (FOLDER / "broken.txt").read_text(), flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def prove(model: Path) -> str:
    """Run ProVerif on a model; its whole output."""
    done = subprocess.run(command(model), cwd=model.parent, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{model.name}: {done.stdout[-500:]}{done.stderr}")
    return done.stdout


def summary(output: str) -> str:
    """Return the verdicts at the end of an output."""
    return output[output.index("Verification summary:") :].rstrip("-\n") + "\n"


def steps(output: str) -> str:
    """Return the steps of the first attack in an output."""
    after = output.partition("set traceDisplay = long.\n")[2]
    return after[: after.index(_FOUND)] + f"{_FOUND}\n"


def kept(output: str) -> str:
    """Return the part of a model's output that is kept: its summary and, step by step, how a GREET is replayed."""
    _, found, replay = output.partition(f"-- Query {_REPLAY}")
    return summary(output) + (f"\n{_HOW}\n{steps(replay)}" if found else "")


def attack(one: Broken) -> str:
    """Run ProVerif on a broken model; its verdict and the steps of the attack."""
    with tempfile.TemporaryDirectory() as folder:
        output = prove(one.write(Path(folder)))
    if list(verdicts(output).values()) != ["false"]:
        raise SystemExit(f"{one.name}: no attack is found: {verdicts(output)}")
    return f"{summary(output)}{steps(output)}"


def prove_all(record: bool) -> None:
    """Run the models, and record or compare."""
    for model in models():
        output = prove(model)
        if record:
            model.with_suffix(".txt").write_text(kept(output))
        elif verdicts(output) != verdicts(recorded(model)):
            sys.exit(f"{model.name}: other verdicts than those of {model.stem}.txt: {verdicts(output)}")
        print(f"{model.name}: {', '.join(verdicts(output).values())}", flush=True)


def attack_all(record: bool) -> None:
    """Run the broken models, and record or only find."""
    found = ""
    for one in broken():
        found += f"==== {one.name}\n{attack(one)}\n"
        print(f"{one.name}: found", flush=True)
    if record:
        (FOLDER / "broken.txt").write_text(found.rstrip("\n") + "\n")


def main() -> None:
    """Run all of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--record", action="store_true", help="keep what comes out")
    record = parser.parse_args().record
    if shutil.which("proverif") is None:
        print(SKIPPED)
        return
    prove_all(record)
    attack_all(record)


if __name__ == "__main__":
    main()
