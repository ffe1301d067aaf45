"""Fixtures for all suites: a home of their own, and property tests that don't fail because a machine is busy.

`checks` is the suite for real boards as a module, for those that run it on boards of their own.
"""

import atexit
import importlib.util
import os
import shutil
import signal
import tempfile
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import settings

# Before anything imports bytefed: what a user keeps in her home (models, data, settings) must not reach a test.
_HOME = tempfile.mkdtemp(prefix="bytefed-home-")
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)
os.environ["HOME"] = _HOME
for _name in (
    "BYTEFED_CACHE",
    "BYTEFED_MODELS",
    "BYTEFED_KEYS",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_STATE_HOME",
):
    os.environ.pop(_name, None)

# A shell starts what it puts in the background with Ctrl-C ignored, and nohup with SIGHUP ignored; what a test
# starts would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

_TESTS = Path(__file__).parent
_SHARED_BUILDS = ("arduino", "ble", "emulator", "qemu")

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.hookimpl(tryfirst=True)  # pytest-xdist reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let one process have all tests of a file, or of a folder whose tests share what they build."""
    for item in items:
        suite = item.path.relative_to(_TESTS).parts[0]
        group = suite if suite in _SHARED_BUILDS else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Stop where processes would share builds after all: two of them in one folder destroy each other's files."""
    grouped = all("@" in item.nodeid for item in session.items)
    if getattr(session.config.option, "loadgroup", False) and not grouped:
        raise pytest.UsageError("pytest and pytest-xdist do not agree on groups: install pytest<9.2")


@pytest.fixture
def checks() -> ModuleType:
    """The checks of tests/boards, loaded anew for each test, which may change them."""
    path = Path(__file__).parent / "boards" / "checks.py"
    spec = importlib.util.spec_from_file_location("hardware_checks", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
