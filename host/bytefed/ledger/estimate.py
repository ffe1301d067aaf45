"""The exact estimate: the bytes of a whole run on a link that loses nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

from bytefed.errors import ConfigError, check_range, did_you_mean
from bytefed.ledger.count import ByteCount
from bytefed.ledger.estimate_sums import predict_sums, require_masks
from bytefed.ledger.planned_run import CLASS_MEANS, FIRST_ROUNDS, PlannedRun, Prediction
from bytefed.ledger.wire_size import (
    LinkProfile,
    ble_profile,
    blob_size,
    blobs_bytes,
    connection_bytes,
    sealed_profile,
    serial_profile,
)
from bytefed.seeds import select

LINKS = ("serial", "ble")
RANGES = {
    "clients": (1, 10_000_000),
    "rounds": (1, 65_535),
    "features": (1, 4096),
    "classes": (2, 64),
    "mtu": (23, 517),
    "packets": (1, 1000),
    "update_bytes": (1, 2**63 - 1),
    "fraction_train": (0.0, 1.0),
    "min_train_nodes": (1, 10_000_000),
    "learning_rate_rounds": (0, 65_535),
    "statistics_rounds": (0, 65_535),
    "seed": (0, 2**32 - 1),
    "loss": (0.0, 0.5),
}
"""Least and greatest value of each quantity that an estimate depends on, both allowed."""
LEFT_OUT = (
    "one direction only: the global model has to reach the clients, too",
    "all clients in all rounds: with partial participation fewer take part",
    "payload only: no frames, acknowledgements, control messages or connections",
)
"""The parts of the traffic that W x C x R does not count."""


def check_ranges(values: Mapping[str, float | None]) -> None:
    """Refuse values that no run can have.

    Args:
        values: Option name to value; None for an option that was not given.

    Raises:
        ConfigError: E_CONFIG_RANGE for the first value that is out of range.
    """
    for name, value in values.items():
        low, high = RANGES[name]
        if value is not None:
            check_range(f"--{name.replace('_', '-')}", value, low, high)


def link_profile(link: str, mtu: int = 247, *, sealed: bool = True) -> LinkProfile:
    """Return the profile of a link by its name.

    Args:
        link: One of LINKS.
        mtu: ATT MTU of a BLE link, 23 to 517; 65 at least where it is sealed.
        sealed: Whether host and board share a key.

    Raises:
        ConfigError: E_CONFIG_CHOICE if there is no such link, E_MTU_SMALL if it is too narrow for a handshake.
    """
    if link not in LINKS:
        raise ConfigError(
            "E_CONFIG_CHOICE",
            f"There is no link '{link}'.",
            f"{did_you_mean(link, LINKS)}Give --link one of: {', '.join(LINKS)}.",
        )
    profile = ble_profile(mtu) if link == "ble" else serial_profile()
    return sealed_profile(profile) if sealed else profile


def classic(update_bytes: int, clients: int, rounds: int) -> int:
    """Return W x C x R, the bytes of the classic estimate.

    Args:
        update_bytes: W, the bytes of one update.
        clients: C, the number of clients.
        rounds: R, the number of rounds.
    """
    return update_bytes * clients * rounds


def predict(profile: LinkProfile, run: PlannedRun, blobs: tuple[int, int] | None = None) -> Prediction:
    """Predict the bytes that `bytefed run` counts if none is lost: exactly, not approximately.

    Boards that are new hold zeros, and need no blob in the first round if its head is zeros. Each later round is taken
    to change the head.

    Args:
        profile: The link, the same for all boards.
        run: The run.
        blobs: Bytes of the downlink's and of the uplink's blob, where they are not those of a head; None for a head's.
            Sums are always of heads.

    Raises:
        ConfigError: E_CONFIG_SECURE_SUM or E_CONFIG_PRIVACY for sums or noise that no run has, E_CONFIG_CHOICE or
            E_CONFIG_FIRST_ROUND for such a first round; E_MTU_SMALL or E_TOO_LARGE for a link without room.
    """
    require_first_round(run)
    require_masks(run.dp, secure_sum=run.secure_sum)
    if run.secure_sum:
        return predict_sums(profile, run)
    participants = min(max(int(run.fraction_train * run.clients), run.min_train_nodes), run.clients)
    down, up = blobs or tuple(blob_size(codec, run.features, run.classes) for codec in run.codecs)
    drawn = _Drawn(run.clients, participants, run.seed)
    total = ByteCount()
    for kind, count in _kinds(drawn, run).items():
        blob = 0 if kind.first and not run.from_head else down
        total += blobs_bytes(profile, blob, up, **kind.told, noises=bool(run.dp)) * count
    evaluation = partial(blobs_bytes, profile, down, 0, statistics=True)
    return Prediction(
        board_round=blobs_bytes(profile, down, up),
        rounds=total,
        connect=connection_bytes(profile) * run.clients,
        evaluate=evaluation() * (run.clients - drawn.never) + evaluation(configures=True) * drawn.never,
        participants=participants,
    )


def require_first_round(run: PlannedRun) -> None:
    """Refuse a first round that no run has.

    Raises:
        ConfigError: E_CONFIG_CHOICE, E_CONFIG_FIRST_ROUND.
    """
    if run.first_round not in FIRST_ROUNDS:
        raise ConfigError(
            "E_CONFIG_CHOICE",
            f"There is no first round '{run.first_round}'.",
            f"{did_you_mean(run.first_round, FIRST_ROUNDS)}Give --first-round one of: {', '.join(FIRST_ROUNDS)}.",
        )
    if run.first_round == CLASS_MEANS and (run.from_head or run.dp or run.secure_sum):
        raise ConfigError(
            "E_CONFIG_FIRST_ROUND",
            "Class means are made of deltas that begin with zeros, have no noise and are not hidden.",
            "Begin with zeros, and leave out --dp and --secure-sum; or leave out --first-round.",
        )


class _Kind(NamedTuple):
    """All that decides the bytes of a board's round: whether it is the first, brings statistics, and needs a CONFIG."""

    first: bool
    statistics: bool
    configures: bool

    @property
    def told(self) -> dict[str, bool]:
        """The parts of a round of this kind besides its blobs, by their names."""
        return {"statistics": self.statistics, "configures": self.configures}


def _kinds(drawn: _Drawn, run: PlannedRun) -> Counter[_Kind]:
    """Return how many boards' rounds of each kind a run has."""
    kinds = Counter[_Kind]()
    for number in range(1, run.rounds + 1):
        if run.changes_plan(number):
            drawn.forget_configs()
        new = drawn.draw(number)
        first, statistics = number == 1, run.tells(number)
        kinds[_Kind(first, statistics, configures=True)] += new
        kinds[_Kind(first, statistics, configures=False)] += drawn.participants - new
    return kinds


class _Drawn:
    """The boards that have been drawn so far, and those of them that have the CONFIG of today's learning rate."""

    def __init__(self, clients: int, participants: int, seed: int) -> None:
        self._clients, self.participants, self._seed = clients, participants, seed
        self._ever: set[int] = set()
        self._configured: set[int] = set()
        self._all_configured = False

    @property
    def never(self) -> int:
        """How many boards were never drawn."""
        return 0 if self.participants == self._clients else self._clients - len(self._ever)

    def forget_configs(self) -> None:
        """Begin another learning rate: all CONFIGs are old ones now."""
        self._configured.clear()
        self._all_configured = False

    def draw(self, number: int) -> int:
        """Draw the boards of a round, and return how many of them get a CONFIG."""
        if self._all_configured:
            return 0
        if self.participants == self._clients:
            self._all_configured = True
            return self._clients
        before = len(self._configured)
        chosen = select(self._seed, number, range(self._clients), self.participants)
        self._configured.update(chosen)
        self._ever.update(chosen)
        self._all_configured = len(self._configured) == self._clients
        return len(self._configured) - before
