"""Shows what `bytefed estimate` has predicted, to people and as JSON."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bytefed.ledger.air import AirTable, Airtime
from bytefed.ledger.count import CAUSES, ByteCount
from bytefed.ledger.estimate import LEFT_OUT, classic
from bytefed.ledger.expected_loss import blobs_expected
from bytefed.ledger.planned_run import Prediction
from bytefed.ledger.wire_size import LinkProfile, unmask_bytes
from bytefed.masks.neighbours import degree

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class Update:
    """The subject of an estimate.

    Attributes:
        size: W of the classic estimate, bytes.
        blobs: Bytes of the blob that goes down, and of the one that goes up.
        name: Name of the subject, for people.
        is_head: Whether it is a head that boards can train.
    """

    size: int
    blobs: tuple[int, int]
    name: str
    is_head: bool = False


@dataclass(frozen=True)
class Lossy:
    """The bytes to expect on a link that loses frames (SPEC.md section 6.1).

    Attributes:
        loss: Probability that a frame is lost.
        board_round: Mean bytes of a board's round.
        rounds: Mean bytes of all rounds; what CONFIG takes more than without loss is left out.
    """

    loss: float
    board_round: float
    rounds: float

    @classmethod
    def of(cls, args: argparse.Namespace, profile: LinkProfile, update: Update, exact: Prediction) -> Lossy:
        """Return what to expect of the run that was predicted."""
        one = blobs_expected(profile, *update.blobs, args.loss)
        more = (one - exact.board_round.wire_total) * exact.participants * args.rounds
        return cls(args.loss, one, exact.rounds.wire_total + more)

    def sentence(self, exact: int) -> str:
        """Say it to people.

        Args:
            exact: Bytes of a board's round without loss.
        """
        return (
            f"Where {100 * self.loss:g} % of the frames are lost, expect {self.board_round:,.0f} B for a board's round"
            f" (+{100 * (self.board_round / exact - 1):.2f} %), {self.rounds:,.0f} B for all rounds: a mean, each run"
            f" differs. `bytefed run --faults drop={self.loss:g}` tries it."
        )


@dataclass(frozen=True)
class Air:
    """Air bytes, air time and energy of a board's round and of the whole run."""

    table: AirTable
    board_round: Airtime
    total: Airtime

    def document(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        radio, currents = self.table.radio, self.table.currents
        return {
            "radio": vars(radio),
            "source": self.table.source,
            "board_round": {
                "air_bytes": self.board_round.bytes(radio),
                "air_seconds": self.board_round.seconds(radio),
                "energy_mj": self.board_round.energy(radio, currents),
            },
            "total": {"air_bytes": self.total.bytes(radio)},
        }

    def sentence(self) -> str:
        """Say it to people."""
        radio, currents = self.table.radio, self.table.currents
        one = self.board_round
        return (
            f"In the air (LE {radio.phy}M, {radio.packets_per_event} packets every {1e3 * radio.interval:g} ms):"
            f" a board's round takes {one.bytes(radio):,} B, at least {one.seconds(radio):.2f} s and"
            f" {one.energy(radio, currents):.2f} mJ without training; the run {self.total.bytes(radio):,} B."
        )


@dataclass(frozen=True)
class Estimate:
    """All that `bytefed estimate` has found.

    Attributes:
        args: The options.
        profile: The link.
        update: The subject.
        prediction: The exact estimate; None where there is none.
        rate_rounds: Rounds with the same learning rate; 0 if it never changes.
        air: Air bytes, air time and energy; None on a serial link.
        lossy: The bytes to expect where frames are lost; None where that was not asked for.
    """

    args: argparse.Namespace
    profile: LinkProfile
    update: Update
    prediction: Prediction | None
    rate_rounds: int
    air: Air | None
    lossy: Lossy | None

    @property
    def classic(self) -> int:
        """W x C x R, bytes."""
        return classic(self.update.size, self.args.clients, self.args.rounds)

    def document(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        args, update, prediction = self.args, self.update, self.prediction
        masked = ("masks", "unmask", "release") if args.secure_sum else ()
        names = ("board_round", "rounds", "connect", *masked, "evaluate", "total")
        found = {
            "update_bytes": update.size,
            "clients": args.clients,
            "rounds": args.rounds,
            "estimate_wcr": self.classic,
            "estimate_wcr_mb": self.classic / _MEGABYTE,
            "left_out": list(LEFT_OUT),
            "link": args.link,
            "security": "OPEN" if args.open else "sealed",
            "codec": args.codec,
            "features": args.features if update.is_head else None,
            "classes": args.classes if update.is_head else None,
            "participants": prediction.participants if prediction else None,
            "estimate_wire": prediction.total.wire_total if prediction else None,
            "exact": {name: _flat(getattr(prediction, name)) for name in names} if prediction else None,
        }
        if self.air:
            found["air"] = self.air.document()
        if self.lossy:
            found["expected"] = vars(self.lossy)
        return found

    def show(self, console: Console) -> None:
        """Print it for people."""
        self._show_classic(console)
        if self.prediction is None:
            console.print(
                f"\nNo exact count: {self.update.name} is more than {self._where()} carries in one transfer.",
                soft_wrap=True,
            )
        else:
            self._show_exact(self.prediction, console)
            if self.lossy:
                console.print(self.lossy.sentence(self.prediction.board_round.wire_total), soft_wrap=True)
        if self.air:
            console.print(self.air.sentence(), soft_wrap=True)

    def _show_classic(self, console: Console) -> None:
        args, total = self.args, self.classic
        console.print(
            f"[bold]W x C x R[/] = {self.update.size:,} B x {args.clients:,} clients x {args.rounds:,} rounds",
            soft_wrap=True,
        )
        console.print(
            f"  = [bold]{total:,} bytes[/] ({total / _MEGABYTE:,.2f} MB of 1024 x 1024)", soft_wrap=True
        )
        console.print("It leaves out:")
        for reason in LEFT_OUT:
            console.print(f"  - {reason}", soft_wrap=True)

    def _where(self) -> str:
        link = "serial (USB)" if self.args.link == "serial" else f"BLE, MTU {self.args.mtu}"
        return f"{'OPEN' if self.args.open else 'sealed'} {link}"

    def _show_exact(self, prediction: Prediction, console: Console) -> None:
        console.print(
            f"\n[bold]Exactly[/], for {self.update.name}, over {self._where()},"
            f" {prediction.participants:,} of {self.args.clients:,} boards a round:",
            soft_wrap=True,
        )
        console.print(_table(prediction))
        console.print(_overhead(prediction.board_round), soft_wrap=True)
        if self.args.secure_sum:
            console.print(_lost(self.profile, self.args.clients), soft_wrap=True)
        if self.args.learning_rate_rounds is None and 0 < self.rate_rounds < self.args.rounds:
            console.print(
                f"A new learning rate after each {self.rate_rounds} rounds, by rule, is in it.",
                soft_wrap=True,
            )
        console.print(
            "Giving boards their samples is not in it: boards with a sensor need none.", soft_wrap=True
        )


def _flat(count: ByteCount) -> dict[str, int]:
    return {**vars(count), "wire_total": count.wire_total}


def _table(prediction: Prediction) -> Table:
    from bytefed.cli.tables import count_table

    rows = {
        "one round of one board": prediction.board_round,
        "all rounds": prediction.rounds,
        "connecting": prediction.connect,
        "setting up masks": prediction.masks,
        "taking off masks": prediction.unmask,
        "letting go of the last round": prediction.release,
        "last evaluation": prediction.evaluate,
        "total": prediction.total,
    }
    rows = {name: count for name, count in rows.items() if count.wire_total}
    return count_table("boards", rows)


def _lost(profile: LinkProfile, boards: int) -> str:
    """Say what a board costs that is lost in a round with masks."""
    more = unmask_bytes(profile, 1).wire_total - unmask_bytes(profile, 0).wire_total
    return (
        f"A board that is lost in a round adds {more} B to the answer of each of its {degree(boards)} neighbours, "
        "which take its masks off."
    )


def _overhead(count: ByteCount) -> str:
    payload = count.payload_down + count.payload_up
    causes = ", ".join(f"{cause} {getattr(count, cause)}" for cause in CAUSES if getattr(count, cause))
    share = 100 * (count.wire_total - payload) / payload
    return f"Of a board's round {payload:,} B are payload; the rest is +{share:.2f} %: {causes}."
