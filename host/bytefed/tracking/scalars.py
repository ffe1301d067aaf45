"""The figures of a run by round, under the same names for every tracker and for `bytefed report --tensorboard`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bytefed.events import RoundClosed, RunEnded, RunStarted

Scalars = tuple[int, dict[str, float]]
"""A round, and figures about it by name."""

OF_ROUND = {
    "accuracy/global": "accuracy_global",
    "accuracy/held": "accuracy_held",
    "loss/global": "loss_global",
    "bytes/wire": "wire_total",
    "bytes/estimate": "estimate_wire",
    "boards/participants": "participants",
    "time/seconds": "seconds",
    "air/seconds": "air_seconds",
    "energy/mJ": "energy_mj",
}
"""Name to the attribute of a round that is known when the round closes."""

OF_HEAD = {"accuracy/boards": "accuracy_boards", "accuracy/personal": "accuracy_personal"}
"""Name to the attribute of a round that the boards tell later: in the next round, or after the last."""


def figures(names: Mapping[str, str], of: object) -> dict[str, float]:
    """Return figures by name, without those that are not known.

    Args:
        names: OF_ROUND or OF_HEAD.
        of: The object with these attributes; one that it does not have is not known.
    """
    found = {name: getattr(of, attribute, None) for name, attribute in names.items()}
    return {name: float(value) for name, value in found.items() if value is not None}


def causes(counts: Mapping[str, int]) -> dict[str, float]:
    """Return bytes by cause under the names that trackers have for them."""
    return {f"causes/{cause}": float(count) for cause, count in counts.items()}


class RunScalars:
    """Makes figures of a run's events.

    Args:
        started: The event of the run that begins or goes on.
    """

    def __init__(self, started: RunStarted) -> None:
        self._round = started.first_round - 1
        self._wire, self._estimate = started.wire_before, started.estimate_before

    def of_round(self, event: RoundClosed) -> Iterator[Scalars]:
        """Yield the figures that became known when a round closed: of the head before it, and of the round."""
        self._round = event.round
        self._wire += event.wire_total
        self._estimate += event.estimate_wire
        if told := figures(OF_HEAD, event):
            yield event.round - 1, told
        so_far = {"bytes/wire_so_far": float(self._wire), "bytes/estimate_so_far": float(self._estimate)}
        yield event.round, {**figures(OF_ROUND, event), **so_far, **causes(event.causes)}

    def of_end(self, event: RunEnded) -> Iterator[Scalars]:
        """Yield the figures that became known at the end: of the last head, and of what came beside the rounds."""
        summary = event.summary
        found = {
            "accuracy/boards": summary.get("accuracy_boards_final"),
            "accuracy/personal": summary.get("accuracy_personal_final"),
            "accuracy/central": summary.get("accuracy_central"),
            **{
                f"sessions/{phase}": sums["wire_total"] for phase, sums in summary.get("sessions", {}).items()
            },
        }
        known = {name: float(value) for name, value in found.items() if value is not None}
        if known:
            yield self._round, known
