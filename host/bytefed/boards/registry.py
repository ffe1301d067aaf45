"""All kinds of `--boards` URIs: bytefed's own and those of installed packages."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bytefed.boards.nrf52840.scheme import NRF52840
from bytefed.boards.real import BLE, SERIAL, SOCKET
from bytefed.boards.scheme import Found, Scheme
from bytefed.boards.started import LOOPBACK, QEMU, VIRTUAL, VIRTUAL_BLE
from bytefed.errors import ConfigError, meant

GROUP = "bytefed.transports"
"""The group of entry points by which a package adds a Scheme; an entry point is named as its scheme."""

SCHEMES = {
    scheme.name: scheme for scheme in (VIRTUAL, VIRTUAL_BLE, LOOPBACK, QEMU, NRF52840, SERIAL, SOCKET, BLE)
}
"""bytefed's own schemes by name, in the order in which help texts list them."""

FORMS = tuple(form for scheme in SCHEMES.values() for form in scheme.forms)
"""The forms of the URIs of bytefed's own schemes."""

FORMS_HELP = "\n".join(
    f"  {form:<22}{what}" for scheme in SCHEMES.values() for form, what in scheme.forms.items()
)
"""A line for each of these forms that says what it names, for help texts."""

_IN_DEV = re.compile(r"(tty|cu\.)[\w.-]+", re.ASCII)
_BARE_PORT = re.compile(r"/.*|\\\\\.\\.+|COM\d+", re.IGNORECASE | re.DOTALL)


def full_uri(uri: str) -> str:
    """Return a URI in its full form: a port by itself, such as /dev/ttyACM0, ttyACM0 or COM3, is a serial one."""
    port = uri.removeprefix("serial:")
    if _IN_DEV.fullmatch(port):
        return f"serial:/dev/{port}"
    return f"serial:{uri}" if _BARE_PORT.fullmatch(uri) else uri


def scheme_of(uri: str) -> Scheme:
    """Return the scheme of a URI in its full form; packages are searched only for what bytefed doesn't have.

    Raises:
        ConfigError: E_CONFIG_BOARDS if there is none, or if the package that has it can't be used.
    """
    name, colon, _ = uri.partition(":")
    if colon and (scheme := SCHEMES.get(name) or _installed(name)):
        return scheme
    names = [*SCHEMES, *installed_names()]
    near, rest = meant(name.rstrip("0123456789"), names), uri[len(name) + 1 :]
    forms = " or ".join(f"{near}:{rest}" if rest else form for form in forms_of(near)[: 1 if rest else None])
    raise ConfigError(
        "E_CONFIG_BOARDS",
        f"--boards {uri}: no such kind of board.",
        (f"Did you mean {forms}? " if near else "")
        + f"There are {', '.join((*FORMS, *(f'{other}:' for other in names[len(SCHEMES) :])))}.",
    )


def forms_of(name: str) -> tuple[str, ...]:
    """Return the forms of a scheme's URIs, as far as they are known without loading the package that adds it."""
    return (*SCHEMES[name].forms,) if name in SCHEMES else (f"{name}:",)


def emulation(link: str) -> str:
    """Return words for what stands in for hardware behind a link, "" where its boards are not emulated.

    Args:
        link: Scheme of their URIs, as `link` in bytes.csv.
    """
    scheme = SCHEMES.get(link)
    return scheme.emulates if scheme else ""


def installed_names() -> list[str]:
    """Return the names of the schemes that installed packages add, sorted."""
    from importlib.metadata import entry_points  # slow to load, and seldom needed

    return sorted({entry.name for entry in entry_points(group=GROUP)} - {*SCHEMES})


def _installed(name: str) -> Scheme | None:
    """Return the scheme that an installed package adds by a name, None if none does."""
    from importlib.metadata import entry_points

    for entry in entry_points(group=GROUP, name=name):
        try:
            scheme = entry.load()
        except Exception as error:  # whatever a stranger's package raises
            raise _unusable(name, entry.value, f"it can't be loaded ({error})") from error
        if not isinstance(scheme, Scheme) or scheme.name != name:
            raise _unusable(name, entry.value, f"it is no Scheme of the name {name}")
        return scheme
    return None


def _unusable(name: str, value: str, why: str) -> ConfigError:
    return ConfigError(
        "E_CONFIG_BOARDS",
        f"--boards {name}: is added by {value}, and {why}.",
        "Update or remove the package that it is from, or ask its authors.",
    )


async def look_for(uris: Sequence[str]) -> list[Found]:
    """Look for real boards, and check the URIs of virtual ones: all that can be done before there is a task.

    Args:
        uris: The arguments of `--boards`.

    Raises:
        ConfigError: E_CONFIG_BOARDS for a URI that is none, E_CONFIG_EXTRA if a package is missing that it needs.
        LinkError: E_NO_BOARDS where `auto` finds none.
    """
    full = [full_uri(uri) for uri in uris]
    schemes = [scheme_of(uri) for uri in full]
    for scheme in dict.fromkeys(schemes):
        scheme.check(full)
    return [await _find(scheme, uri) for scheme, uri in zip(schemes, full, strict=True)]


async def _find(scheme: Scheme, uri: str) -> Found:
    try:
        return await scheme.find(uri)
    except ModuleNotFoundError as error:
        raise package_missing(f"--boards {uri}", error) from error


def package_missing(needs_it: str, error: ModuleNotFoundError) -> ConfigError:
    """Return the error E_CONFIG_EXTRA of a package that is not installed.

    Args:
        needs_it: The option or the thing that needs it, as a sentence begins with it.
        error: The failed import.
    """
    package = {"serial": "pyserial"}.get(error.name or "", error.name)
    return ConfigError(
        "E_CONFIG_EXTRA",
        f"{needs_it} needs the package {package}, which is not installed.",
        f"Run: pip install {package}",
    )
