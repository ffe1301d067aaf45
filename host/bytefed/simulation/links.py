"""The links of simulated clients, and the share of the clients that has each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bytefed.errors import ConfigError
from bytefed.ledger.wire_size import (
    LinkProfile,
    ble_profile,
    sealed_profile,
    serial_profile,
)
from bytefed.seeds import chances

_LINKS = 0x11A2  # stream of the random draw


def parse_links(texts: Sequence[str], *, sealed: bool = True) -> list[tuple[LinkProfile, float]]:
    """Parse links, and the fraction of the clients that has each.

    Args:
        texts: Links, each ``serial``, ``ble`` or ``ble:MTU``, followed by ``=SHARE`` if the shares are not equal.
        sealed: Whether clients and host share keys.

    Raises:
        ConfigError: E_CONFIG_LINKS; E_MTU_SMALL for a link that is too narrow for a handshake.
    """
    links = []
    for text in texts:
        name, _, share = text.partition("=")
        try:
            weight = _positive(float(share or 1))
            profile = _profile(name)
        except ValueError as error:
            raise ConfigError(
                "E_CONFIG_LINKS",
                f"--links {text} is no link ({error}).",
                "Name serial, ble or ble:MTU (23 to 517), each with =SHARE if they differ: serial=3 ble:185=1.",
            ) from error
        links.append((sealed_profile(profile) if sealed else profile, weight))
    total = sum(weight for _, weight in links)
    return [(profile, weight / total) for profile, weight in links]


def _profile(name: str) -> LinkProfile:
    kind, colon, mtu = name.partition(":")
    if name == "serial":
        return serial_profile()
    if kind == "ble":
        return replace(ble_profile(int(mtu) if colon else 247), name=name)
    raise ValueError(f"there is no link {name!r}")


def _positive(share: float) -> float:
    if not 0 < share < math.inf:
        raise ValueError(f"{share} is no share")
    return share


@dataclass(frozen=True, eq=False)
class ClientLinks:
    """The link of each client.

    Attributes:
        profiles: The profiles of all links.
        link: int64 [N], for each client the index of its link in `profiles`.
    """

    profiles: list[LinkProfile]
    link: NDArray[np.int64]

    @classmethod
    def draw(cls, seed: int, clients: int, links: Sequence[tuple[LinkProfile, float]]) -> ClientLinks:
        """Give each client a link."""
        bounds = np.cumsum([share for _, share in links])[:-1]
        draws = chances(seed, _LINKS, np.arange(clients))
        return cls([profile for profile, _ in links], np.searchsorted(bounds, draws, side="right"))

    @property
    def open_clients(self) -> int:
        """Number of clients whose link is not sealed."""
        is_open = np.array([not profile.sealed for profile in self.profiles])
        return int(is_open[self.link].sum())

    def profile(self, client: int) -> LinkProfile:
        """Return the link of one client."""
        return self.profiles[int(self.link[client])]
