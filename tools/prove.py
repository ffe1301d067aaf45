"""Ask ProVerif for the verdicts on docs/security/*.pv, and hold them to those that are recorded beside the models.

python tools/prove.py            # each model again (a minute or two); SKIPPED without ProVerif
python tools/prove.py --record   # into docs/security/*.txt
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "security"
SKIPPED = "SKIPPED: the models of docs/security, `proverif` is not on the PATH"
_REPLAY = "inj-event(Answers("
_HOW = 'How "each answered GREET is a fresh one" fails:'


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
    found = re.findall(r"^Query (.*?) (?:is (true|false)|(cannot be proved))\.$", text, flags=re.MULTILINE)
    return {re.sub(r"\b([a-z]+)_\d+", r"\1", query): yes or no for query, yes, no in found}


def recorded(model: Path) -> str:
    """Return the output that is kept of a model."""
    return model.with_suffix(".txt").read_text()


def prove(model: Path) -> str:
    """Run ProVerif on a model; its whole output."""
    done = subprocess.run(command(model), cwd=model.parent, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{model.name}: {done.stdout[-500:]}{done.stderr}")
    return done.stdout


def kept(output: str) -> str:
    """Return the part of an output that is kept: its summary and, step by step, how a GREET is replayed."""
    text = output[output.index("Verification summary:") :].rstrip("-\n") + "\n"
    _, found, replay = output.partition(f"-- Query {_REPLAY}")
    if found:
        steps = replay[replay.index("set traceDisplay = long.\n") : replay.index("A trace has been found.")]
        text += f"\n{_HOW}\n{steps.partition(chr(10))[2]}A trace has been found.\n"
    return text


def main() -> None:
    """Run the models and compare, or record."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--record", action="store_true", help="keep what comes out")
    record = parser.parse_args().record
    if shutil.which("proverif") is None:
        print(SKIPPED)
        return
    for model in models():
        output = prove(model)
        if record:
            model.with_suffix(".txt").write_text(kept(output))
        elif verdicts(output) != verdicts(recorded(model)):
            sys.exit(f"{model.name}: other verdicts than those of {model.stem}.txt: {verdicts(output)}")
        sys.stdout.write(f"{model.name}: {', '.join(verdicts(output).values())}\n")


if __name__ == "__main__":
    main()
