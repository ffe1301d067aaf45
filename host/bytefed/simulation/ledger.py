"""The bytes of simulated clients, from the closed forms of SPEC.md section 6, in the files of a run.

All clients of a kind (the same link, the same end of their round, configured or not) take the same bytes, so the bytes
are computed once for each kind. bytes.csv has one row for each client as long as there are not too many clients;
beyond that it has one row for each kind and round, with sums.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bytefed.boards.virtual import board_uid
from bytefed.ledger.count import ByteCount
from bytefed.ledger.rows import (
    BYTES_COLUMNS,
    ROUNDS_COLUMNS,
    SESSION_PHASES,
    SESSIONS_COLUMNS,
    Phase,
    RoundSummary,
    Status,
    Traffic,
)
from bytefed.ledger.wire_size import (
    LinkProfile,
    blob_size,
    blobs_bytes,
    connection_bytes,
    start_bytes,
)
from bytefed.runs.csv_files import CsvFile, round_row, totals, traffic_row
from bytefed.runs.dictionary import write_dictionary
from bytefed.simulation.held_heads import Clients
from bytefed.simulation.links import ClientLinks
from bytefed.simulation.purses import Form, Purses
from bytefed.simulation.simulator import Outcome

_OK, _DIVERGED, _LOST = range(3)
_STATUS: tuple[Status, ...] = ("ok", "failed", "failed")


@cache
def uid(client: int) -> str:
    """Return the uid of the virtual board that a client would be."""
    return f"{board_uid(0, client):016x}"


class SimulatedLedger:
    """The CSV files of a simulated run.

    Args:
        directory: The run directory.
        run: The run's number.
        links: The link of each client.
        shape: D and C of the head.
        codecs: Names of the codecs of the downlink and of the uplink.
        most_rows: The most rows that bytes.csv has with one for each client; if the run would need more, it has sums.
        expected_rows: Number of rows that the run would need with one for each client.
        purses: The clients' budgets; None for a run without a budget.
    """

    def __init__(
        self,
        directory: Path,
        run: int,
        links: ClientLinks,
        shape: tuple[int, int],
        codecs: tuple[str, str],
        *,
        most_rows: int,
        expected_rows: int,
        purses: Purses | None = None,
        noises: bool = False,
    ) -> None:
        self._purses = purses
        self.noises = noises
        self._run = run
        self._links = links
        self._shape = shape
        self._codecs = codecs
        self._codec = codecs[0] if codecs[0] == codecs[1] else "/".join(codecs)
        self.one_row_each = max(expected_rows, 2 * len(links.link)) <= most_rows
        self._rate = np.full(len(links.link), np.nan)  # learning rate of each client's last CONFIG
        self._bytes = CsvFile(directory / "bytes.csv", BYTES_COLUMNS)
        self._sessions = CsvFile(directory / "sessions.csv", SESSIONS_COLUMNS)
        self._rounds = CsvFile(directory / "rounds.csv", ROUNDS_COLUMNS)
        for file in (self._bytes, self._sessions, self._rounds):
            file.rewrite()
        write_dictionary(directory, run)
        self._totals: dict[Phase, dict[str, Any]] = {}
        self._pending: RoundSummary | None = None

    def connect(self, number: int, clients: Clients) -> None:
        """Book the bytes of the sessions that clients opened."""
        forms = [(profile, connection_bytes) for profile in self._links.profiles]
        kinds = self._links.link[clients]
        self.book("connect", number, clients, kinds, [form(profile) for profile, form in forms])
        self._rate[clients] = np.nan
        self._spend(clients, kinds, forms)

    def _spend(
        self, clients: Clients, kinds: NDArray[np.int64], forms: Sequence[Form], *, trains: bool = False
    ) -> None:
        if self._purses is not None:
            self._purses.spend(clients, kinds, forms, trains=trains)

    def configures(self, rate: float) -> NDArray[np.bool_]:
        """Return which clients CONFIG is due for in a round with that learning rate, bool [N]."""
        due: NDArray[np.bool_] = self._rate != rate
        return due

    def evaluate(self, number: int, clients: Clients, spared: NDArray[np.bool_]) -> None:
        """Book the bytes of clients' evaluation of the last head; no blob goes to those that are spared it."""
        forms: list[Form] = [
            (profile, partial(_evaluation, down=self._down(spared), configures=configures))
            for profile in self._links.profiles
            for configures in (False, True)
            for spared in (False, True)
        ]
        kinds = self._kinds(self._links.link[clients], np.isnan(self._rate[clients]), spared)
        self.book("evaluate", number, clients, kinds, [form(profile) for profile, form in forms])
        self._spend(clients, kinds, forms)

    def book(
        self,
        phase: Phase,
        number: int,
        clients: Clients,
        kinds: NDArray[np.int64],
        units: Sequence[ByteCount],
    ) -> None:
        """Book the bytes of something that goes well, each client's by its kind."""
        self._book(phase, number, clients, kinds, [(unit, unit, "ok") for unit in units])

    def train(
        self,
        number: int,
        rate: float,
        clients: Clients,
        lost: NDArray[np.bool_],
        outcome: Outcome,
        *,
        statistics: bool,
    ) -> tuple[dict[str, Any], list[Traffic]]:
        """Book the bytes of a round.

        Args:
            number: The round.
            rate: The learning rate; a client whose last CONFIG had another one is configured first.
            clients: int64 [n], the clients that were asked.
            lost: bool [n], True for a client that was lost after it had the head.
            outcome: The results of the other clients, and who needed no blob.
            statistics: Whether the clients tell their loss and accuracy.

        Returns:
            Sums over the round, and its rows.
        """
        end = np.full(len(clients), _LOST)
        end[~lost] = np.where(outcome.counted, _OK, _DIVERGED)
        configures = self._rate[clients] != rate
        self._rate[clients] = rate
        kinds = self._kinds(self._links.link[clients] * 3 + end, configures, outcome.spared)
        up = outcome.summed.form.size if outcome.summed else blob_size(self._codecs[1], *self._shape)
        ways: list[tuple[LinkProfile, Callable[[LinkProfile], tuple[ByteCount, ByteCount, Status]]]] = [
            (
                profile,
                partial(
                    _round,
                    end=end,
                    down=self._down(spared),
                    up=up,
                    statistics=statistics,
                    configures=due,
                    noises=self.noises,
                    masked=outcome.summed is not None,
                ),
            )
            for profile in self._links.profiles
            for end in (_OK, _DIVERGED, _LOST)
            for due in (False, True)
            for spared in (False, True)
        ]
        learnt = None if outcome.summed else _Learnt(len(clients), lost, outcome, statistics=statistics)
        booked = self._book("round", number, clients, kinds, [way(profile) for profile, way in ways], learnt)
        self._spend(clients, kinds, [(profile, partial(_taken, way)) for profile, way in ways], trains=True)
        return booked

    def _kinds(
        self, kinds: NDArray[np.int64], configures: NDArray[np.bool_], spared: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        """Return the kinds of clients once it also matters whether CONFIG is due, and whether a blob is needed."""
        return (kinds * 2 + configures) * 2 + spared

    def _down(self, spared: bool) -> int:
        return 0 if spared else blob_size(self._codecs[0], *self._shape)

    def _book(
        self,
        phase: Phase,
        number: int,
        clients: Clients,
        kinds: NDArray[np.int64],
        units: Sequence[tuple[ByteCount, ByteCount, Status]],
        learnt: _Learnt | None = None,
    ) -> tuple[dict[str, Any], list[Traffic]]:
        if self.one_row_each:
            rows = [
                self._row(phase, number, uid(client), 1, units[kind], client, learnt, [i])
                for i, (client, kind) in enumerate(zip(clients.tolist(), kinds.tolist(), strict=True))
            ]
        else:
            rows = []
            for kind in np.unique(kinds).tolist():
                who = np.flatnonzero(kinds == kind)
                name = f"{len(who)} clients"
                rows.append(
                    self._row(phase, number, name, len(who), units[kind], clients[who[0]], learnt, who)
                )
        file = self._bytes if phase == "round" else self._sessions
        file.append(traffic_row(self._run, row) for row in rows)
        sums = totals(rows)
        before = self._totals.get(phase, dict.fromkeys(sums, 0) | {"estimate_exact": True})
        self._totals[phase] = {
            name: value and before[name] if name == "estimate_exact" else value + before[name]
            for name, value in sums.items()
        }
        return sums, rows

    def _row(
        self,
        phase: Phase,
        number: int,
        board: str,
        times: int,
        unit: tuple[ByteCount, ByteCount, Status],
        client: int,
        learnt: _Learnt | None,
        who: Any,
    ) -> Traffic:
        taken, planned, status = unit
        examples, loss, correct = learnt.of(who) if learnt else (None, None, None)
        return Traffic(
            round=number,
            board=board,
            phase=phase,
            link=self._links.profile(client).name,
            security=self._links.profile(client).security,
            codec=self._codec,
            status=status,
            count=taken * times if times > 1 else taken,
            estimate_wcr=blob_size(self._codecs[1], *self._shape) * times if phase == "round" else 0,
            estimate_wire=planned.wire_total * times,
            seconds=None,
            num_examples=examples,
            loss=loss,
            correct=correct,
            client=client if times == 1 else None,
            board_name="virtual" if times == 1 else None,
        )

    def close_round(self, row: RoundSummary) -> None:
        """Keep a round's row until ``tested`` adds the accuracy of its head on the clients."""
        self._pending = row

    def tested(
        self, correct: int, samples: int, personal: int | None = None
    ) -> tuple[float | None, float | None]:
        """Write the row of the last round, with the accuracies of its head on clients' own test samples.

        Args:
            correct: Number of samples that the head classifies correctly.
            samples: Number of samples; 0 for nobody asked.
            personal: Number of them that the clients' personal heads classify correctly; None where nobody asks.

        Returns:
            Accuracies of the head and of the personal heads, 0 to 1; None where they are not known.
        """
        if self._pending is None:
            return None, None
        accuracy = correct / samples if samples else None
        own = personal / samples if samples and personal is not None else None
        self._rounds.append(
            [round_row(self._run, replace(self._pending, accuracy_boards=accuracy, accuracy_personal=own))]
        )
        self._pending = None
        return accuracy, own

    def rates(self, clients: Clients, rate: float) -> NDArray[np.float64]:
        """Return the learning rate of the CONFIG that each client has, or else is to get with this one; float64 [n]."""
        known = self._rate[clients]
        return np.where(np.isnan(known), rate, known)

    def sums(self) -> dict[Phase, Mapping[str, Any]]:
        """Return the sums over rounds and over each kind of session."""
        nothing = totals([])
        return {phase: self._totals.get(phase, nothing) for phase in ("round", *SESSION_PHASES)}


def _evaluation(profile: LinkProfile, *, down: int, configures: bool) -> ByteCount:
    return blobs_bytes(profile, down, 0, statistics=True, configures=configures)


def _round(
    profile: LinkProfile,
    end: int,
    down: int,
    up: int,
    *,
    statistics: bool,
    configures: bool,
    noises: bool,
    masked: bool,
) -> tuple[ByteCount, ByteCount, Status]:
    """Return the bytes that one client's round takes, the bytes that were estimated for it, and its status."""
    asks = {"configures": configures, "noises": noises, "masked": masked}
    whole = blobs_bytes(profile, down, up, statistics=statistics, **asks)
    taken = {
        _OK: whole,
        _DIVERGED: blobs_bytes(profile, down, 0, statistics=statistics, **asks),
        _LOST: start_bytes(profile, down, **asks),
    }[end]
    return taken, whole, _STATUS[end]


def _taken(
    way: Callable[[LinkProfile], tuple[ByteCount, ByteCount, Status]], profile: LinkProfile
) -> ByteCount:
    """Return the bytes that a round took, of what ``_round`` says."""
    return way(profile)[0]


class _Learnt:
    """The num_examples, loss and correct of clients that were asked; None for those that were lost.

    Args:
        asked: Number of clients that were asked.
        lost: bool [asked], True for a client that was lost.
        outcome: The results of the others.
        statistics: Whether loss and correct were asked for.
    """

    def __init__(self, asked: int, lost: NDArray[np.bool_], outcome: Outcome, *, statistics: bool) -> None:
        self._outcome = outcome
        self._statistics = statistics
        self._place = np.full(asked, -1)
        self._place[~lost] = np.where(outcome.counted, np.arange(len(outcome.clients)), -1)

    def of(self, who: Any) -> tuple[int | None, float | None, int | None]:
        """Return the sums of num_examples and correct over some clients, and their mean loss between the two.

        Values that clients don't tell are None.
        """
        place = self._place[who]
        if place[0] < 0:  # one kind: all or none
            return None, None, None
        examples = int(self._outcome.num_examples[place].sum())
        if not self._statistics:
            return examples, None, None
        loss = float(self._outcome.losses[place].mean(dtype=np.float64))
        # With personal heads RESULT has their figure in the place of this one.
        return (
            examples,
            loss,
            None if len(self._outcome.personal) else int(self._outcome.correct[place].sum()),
        )
