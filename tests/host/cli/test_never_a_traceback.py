"""Whatever becomes of a command's output, files and interruption: an exit status, a clear line, and no traceback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bytefed.cli.main import main
from bytefed.cli.output import standard_streams

POSIX = pytest.mark.skipif(os.name != "posix", reason="signals, limits and devices of POSIX")
BYTEFED = f"{sys.executable} -m bytefed"


def shell(line: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


# Output that nobody reads, that has no room, or that has not all characters.


@POSIX
@pytest.mark.parametrize(
    "command", ["estimate --json", "run --json --boards loopback:2 --rounds 3", "partition"]
)
def test_a_reader_that_has_enough_ends_it_quietly(command, tmp_path):
    done = shell(f"{BYTEFED} {command} | head -c 1", tmp_path)
    assert len(done.stdout) == 1
    assert done.stderr == ""
    assert done.returncode in (0, 141)  # 0 for what was all in the pipe before head left


@POSIX
def test_a_reader_that_was_never_there(tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "bytefed", "estimate", "--json"],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


@POSIX
def test_a_run_whose_reader_leaves_can_go_on(tmp_path):
    line = f"{BYTEFED} run --json --boards loopback:2 --rounds 30 --run-dir it | grep -m 1 round_closed"
    assert shell(line, tmp_path).stderr == ""
    done = shell(f"{BYTEFED} run --json --resume it --rounds 31", tmp_path)
    *_, end = map(json.loads, done.stdout.splitlines())
    assert end["complete"]
    assert end["summary"]["rounds"] == 31


@POSIX
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize(
    "command",
    ["estimate", "estimate --json", "--help", "--version", "run --json --boards loopback:2 --rounds 1"],
)
def test_a_full_disk_is_one_clear_line(command, tmp_path):
    done = shell(f"{BYTEFED} {command} > /dev/full", tmp_path)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error[E_OUTPUT]")
    assert "No space left" in line


@POSIX
@pytest.mark.parametrize("redirection", [">&-", "2>&-", ">&- 2>&-", "2>/dev/full"])
def test_closed_streams(redirection, tmp_path):
    assert shell(f"{BYTEFED} estimate {redirection}", tmp_path).returncode == 0
    assert shell(f"{BYTEFED} estimate --clients 0 {redirection}", tmp_path).returncode == 2


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp437"])
@pytest.mark.parametrize("command", ["partition", "board --help", "estimate", "model --help"])
def test_output_that_is_not_utf_8(encoding, command):
    done = subprocess.run(
        [sys.executable, "-m", "bytefed", *command.split()],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode(encoding)


def test_shades_can_be_told_apart_in_ascii():
    done = subprocess.run(
        [sys.executable, "-m", "bytefed", "partition"],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
    )
    first = done.stdout.splitlines()[1]
    assert "\\u" not in done.stdout
    assert {*first} & {*".:#"}


def test_streams_are_as_before_afterwards():
    before = sys.stdout, sys.stderr
    with standard_streams():
        assert sys.stdout is not before[0]
    assert (sys.stdout, sys.stderr) == before


# Ctrl-C.


@POSIX
@pytest.mark.parametrize(
    "module", ["argparse", "difflib", "bytefed.cli.terminal", "bytefed.federation.config", "numpy"]
)
def test_ctrl_c_while_modules_are_imported(module):
    """The interrupt comes in the midst of the import of one of them."""
    program = f"""
import sys
class Interrupting:
    def find_spec(self, name, *_):
        if name == {module!r}:
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupting())
from bytefed.cli.main import main
sys.argv = ["bytefed", "partition"]
sys.exit(main())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr, done.stdout) == (130, "interrupted\n", "")


@POSIX
def test_ctrl_c_within_an_exec_ends_with_the_same_status(tmp_path):
    """Python remembers such an interrupt, and would end `python -m` by the signal."""
    (tmp_path / "interrupted.py").write_text(
        """
import sys
class Interrupting:
    def find_spec(self, name, *_):
        if name == "numpy":
            exec("raise KeyboardInterrupt")
sys.meta_path.insert(0, Interrupting())
from bytefed.cli.main import main
sys.argv = ["bytefed", "partition"]
sys.exit(main())
"""
    )
    done = subprocess.run([sys.executable, "-m", "interrupted"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "interrupted\n")


def long_run(directory):
    """Start a run that somebody has to interrupt."""
    command = [
        sys.executable,
        "-m",
        "bytefed",
        "run",
        "--json",
        "--boards",
        "loopback:2",
        "--rounds",
        "60000",
    ]
    return subprocess.Popen(command, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@POSIX
@pytest.mark.parametrize("delay", [0.4, 0.7, 1.0])
def test_ctrl_c_in_the_first_second(delay, tmp_path):
    with long_run(tmp_path) as process:
        assert process.stdout is not None
        process.stdout.readline()  # it says "starting" before it loads anything slow
        time.sleep(delay - 0.4)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said in ("", "interrupted\n")  # "" where a round was under way, and was finished


@POSIX
def test_ctrl_c_when_the_reader_is_gone_too(tmp_path):
    """`bytefed run --json | tee log`: Ctrl-C ends tee, and there is nobody to be told of the end."""
    with long_run(tmp_path) as run:
        assert run.stdout is not None
        while "round_closed" not in run.stdout.readline():
            pass
        run.stdout.close()
        run.send_signal(signal.SIGINT)
        assert run.wait(timeout=60) in (130, 141)
        assert run.stderr is not None
        assert "Traceback" not in run.stderr.read()


# Files and terminals.


@POSIX
@pytest.mark.parametrize("most", [16, 40, 64])
def test_too_many_boards_for_the_open_files(most, tmp_path):
    """Not even their colours keep the error from being said: boards are closed first."""
    limited = f"ulimit -n {most}; {BYTEFED} board --count 60"
    done = shell(limited, tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    error, remedy = done.stderr.splitlines()
    assert error.startswith("error[E_OPEN_FILES]")
    assert "ulimit -n" in remedy
    done = shell(f"{limited} --json", tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    assert json.loads(done.stdout)["code"] == "E_OPEN_FILES"


@POSIX
@pytest.mark.parametrize("most", [16, 40, 64])
def test_too_many_open_files(most, tmp_path):
    done = shell(f"ulimit -n {most}; {BYTEFED} run --boards virtual:64 --quiet", tmp_path)
    assert done.returncode == 1
    error, remedy = done.stderr.splitlines()
    assert error.startswith("error[E_OPEN_FILES]")
    assert "ulimit -n" in remedy


@POSIX
def test_no_pseudo_terminals(monkeypatch, capsys):
    def refuse():
        raise OSError(2, "No such file or directory")

    monkeypatch.setattr(os, "openpty", refuse)
    assert main(["board"]) == 2
    said = capsys.readouterr().err
    assert "error[E_CONFIG_PTY]" in said
    assert "loopback:N" in said
    assert main(["board", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["code"] == "E_CONFIG_PTY"


@pytest.mark.parametrize("command", ["run --boards loopback:1", "simulate --clients 2"])
@pytest.mark.parametrize("place", ["file", "file/below/it", "link/below"])
def test_a_run_directory_that_can_not_be(command, place, tmp_path, capsys, monkeypatch):
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to("nowhere")
    monkeypatch.chdir(tmp_path)
    assert main([*command.split(), "--rounds", "1", "--run-dir", place, "--quiet"]) == 1
    assert "error[E_RUN_DIRECTORY]" in capsys.readouterr().err


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_run_directory_without_permission(tmp_path, capsys):
    tmp_path.chmod(0o500)
    assert main(["run", "--boards", "loopback:1", "--run-dir", str(tmp_path / "x"), "--quiet"]) == 1
    assert "error[E_RUN_READ_ONLY]" in capsys.readouterr().err


def test_a_home_and_models_that_are_broken(tmp_path):
    broken = tmp_path / "cache/models/broken"
    broken.mkdir(parents=True)
    (broken / "manifest.json").write_text("{")
    done = subprocess.run(
        [sys.executable, "-m", "bytefed", "run", "--boards", "loopback:2", "--rounds", "1", "--quiet"],
        env={**os.environ, "HOME": "/proc/nothing", "BYTEFED_CACHE": str(tmp_path / "cache")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")


# Boards that are served to others.


@POSIX
def test_boards_outlive_the_shell_that_started_them(tmp_path):
    shell(
        f"{BYTEFED} board --json > port 2> errors & until [ -s port ]; do sleep 0.1; done; echo $! > pid",
        tmp_path,
    )
    pid = int((tmp_path / "pid").read_text())
    try:
        time.sleep(1.2)  # more than boards take to look for what stops them
        os.kill(pid, 0)
        assert Path(json.loads((tmp_path / "port").read_text())["port"]).exists()
    finally:
        os.kill(pid, signal.SIGTERM)


@POSIX
@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
def test_boards_end_with_their_terminal(number):
    with subprocess.Popen(
        [sys.executable, "-m", "bytefed", "board", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as board:
        assert board.stdout is not None
        assert "port" in json.loads(board.stdout.readline())
        board.stdout.close()
        board.send_signal(number)
        assert board.wait(timeout=10) == 0
        assert board.stderr is not None
        assert board.stderr.read() == ""


# What is mistyped, or can't work.


@pytest.mark.parametrize(
    ("command", "meant"),
    [
        ("rnu", "Did you mean run?"),
        ("simulat", "Did you mean simulate?"),
        ("run --roundz 3", "Did you mean --rounds?"),
        ("run --local-epoch=3 --learningrate 1", "Did you mean --local-epochs?"),
        ("run --learningrate 1", "Did you mean --learning-rate?"),
        ("estimate --client-s 3", "Did you mean --clients?"),
        ("run --partition dirichelt", "Did you mean dirichlet?"),
        ("model ad", "Did you mean add?"),
        ("flash nano33bel", "Did you mean nano33ble?"),
        ("estimate 5", "it doesn't take '5'"),
        ("run --rounds ten", "See `bytefed run --help`."),
        ("", "See `bytefed --help`."),
    ],
)
def test_what_may_have_been_meant(command, meant, capsys):
    with pytest.raises(SystemExit) as ended:
        main(command.split())
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("error[E_CONFIG_OPTION]: bytefed")
    assert meant in said
    assert len(said.splitlines()) == 2


@pytest.mark.parametrize(
    "command",
    [
        "run --learning-rate -0.1",
        "run --strategy fedavgm --server-learning-rate 0",
        "run --learning-rate nan",
        "simulate --clients 5 --check 50",
    ],
)
def test_what_can_not_work_is_refused(command, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main([*command.split(), "--rounds", "1", "--quiet"]) == 2
    assert "error[E_CONFIG_RANGE]" in capsys.readouterr().err
    assert not [*tmp_path.iterdir()]


def test_one_board_takes_what_fits(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["run", "--boards", "loopback:1", "--rounds", "1", "--quiet"]) == 0
