"""A D-Bus bus of our own, in place of the system's."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from bytefed.errors import LinkError

_CONFIGURATION = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
  </policy>
</busconfig>
"""
_VARIABLE = "DBUS_SYSTEM_BUS_ADDRESS"
_START_PATIENCE = 10.0


@asynccontextmanager
async def private_bus() -> AsyncIterator[str]:
    """Run a bus, and let it be this process's system bus meanwhile; gives its address.

    Raises:
        LinkError: E_VIRTUAL where there is no dbus-daemon.
    """
    daemon = shutil.which("dbus-daemon")
    if daemon is None:
        raise LinkError(
            "E_VIRTUAL",
            "virtual-ble needs dbus-daemon, which is not installed.",
            "On Debian and Ubuntu: `sudo apt install dbus`. Or use `bytefed run --boards virtual:N`.",
        )
    with tempfile.TemporaryDirectory(prefix="bytefed-") as folder:
        socket = Path(folder, "bus")
        configuration = Path(folder, "bus.conf")
        configuration.write_text(_CONFIGURATION.format(socket=socket))
        process = await asyncio.create_subprocess_exec(
            *_dying_with_us(),
            *(daemon, f"--config-file={configuration}", "--nofork", "--nopidfile", "--print-address"),
            stdout=asyncio.subprocess.PIPE,
            stdin=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,  # it complains about limits that don't matter here
            start_new_session=True,  # Ctrl-C is the coordinator's to handle
        )
        before = os.environ.get(_VARIABLE)
        try:
            os.environ[_VARIABLE] = await _read_address(process)
            yield os.environ[_VARIABLE]
        finally:
            if before is None:
                os.environ.pop(_VARIABLE, None)
            else:
                os.environ[_VARIABLE] = before
            with suppress(ProcessLookupError):
                process.terminate()
            await process.wait()


def _dying_with_us() -> list[str]:
    """Return the command prefix that ends the bus even when this process is killed (util-linux)."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []


async def _read_address(process: asyncio.subprocess.Process) -> str:
    line = b""
    if process.stdout is not None:
        with suppress(TimeoutError):
            line = await asyncio.wait_for(process.stdout.readline(), _START_PATIENCE)
    if not line:
        raise LinkError(
            "E_VIRTUAL", "dbus-daemon did not start.", "Try `dbus-daemon --session --print-address`."
        )
    return line.decode().strip()
