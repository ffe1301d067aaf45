"""The samples that boards hold of their own as what a run learns from: none of them ever crosses the link.

What is learnt is known only once the boards are connected: the shape of the head and the model are theirs, and so are
the labels. Boards may have met different labels, and in any order: a run has all of them by their names, and so has
each board in the end, behind its own (``Device.order_columns``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from bytefed.clock import now
from bytefed.data.load import ON_BOARDS
from bytefed.device.device import Device
from bytefed.device.labels import BoardLabels, check_fits, read_labels, set_labels
from bytefed.errors import BoardError, ConfigError
from bytefed.extractor.manifest import Manifest, is_whitened, known_model
from bytefed.federation.config import RunConfig
from bytefed.head import Head, widened
from bytefed.protocol.message import Kind, Release, State
from bytefed.runs.store import Store

NOTED = "held by boards"
"""The key under which the store keeps what its run learns from what boards hold."""

NO_REFERENCE = (
    "the samples stay on the boards: there is no test set here, and nothing to train a reference on"
)
"""The reason for which a run on samples that boards hold has no accuracy but that on the boards."""

_BY_NUMBER = "Give that board its labels in the order in which it has met them: `bytefed labels set --help`."


@dataclass(eq=False)
class HeldTask:
    """The task of boards that learn from their own samples: none of these is on this side.

    Attributes:
        D: Number of features.
        num_classes: C, the number of labels so far.
        model_hash: CRC-32 of the extractor's .tflite file on all boards; 0 for none.
        names: The labels that somebody has set; empty where nobody has.
        joined: For labels that came later the round before which they joined, and the number of the first of them.
        model: Name or folder of the extractor where its boards were started with one; None where only they know it.
        noted_whitened: Whether the features are whitened, as the store has it: another host that goes on with the run
            need not know its model. None for a run that begins.
    """

    D: int
    num_classes: int
    model_hash: int
    names: tuple[str, ...]
    joined: tuple[tuple[int, int], ...] = ()
    model: str | None = None
    noted_whitened: bool | None = None

    name = ON_BOARDS

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes: the labels, or else the model's own; empty if neither is known."""
        known = None if self.names else self.known
        words = tuple(str(word) for word in known[1].document.get("classes", [])) if known else self.names
        return words if len(words) == self.num_classes else ()

    @property
    def known(self) -> tuple[str, Manifest] | None:
        """The name and manifest of the extractor; None if this host does not know it."""
        return known_model(self.model_hash, self.num_classes, self.model)

    @property
    def whitened(self) -> bool:
        """Whether the extractor is known to whiten its features; see ``Task.whitened``."""
        if self.noted_whitened is not None:
            return self.noted_whitened
        return is_whitened(self.model_hash, self.model)

    @property
    def extractor_hash(self) -> int:
        """CRC-32 of the extractor's .tflite file, which all boards run themselves."""
        return self.model_hash

    def note(self) -> str:
        """Return what the store keeps of it."""
        names = list(self.names)
        return json.dumps(
            [self.D, self.num_classes, self.model_hash, names, self.joined, self.model, self.whitened]
        )

    @classmethod
    def noted(cls, note: str) -> HeldTask:
        """Return what ``note`` told of."""
        features, classes, model_hash, names, *rest = json.loads(note)
        more = [*rest, None, None, None][:3]  # runs of before tell less
        joined = tuple((int(number), int(first)) for number, first in more[0] or ())
        return cls(int(features), int(classes), int(model_hash), tuple(names), joined, more[1], more[2])

    def joining(self, number: int) -> range:
        """Return the numbers of the labels that joined before a round, the run's first rounds left out."""
        firsts = [first for joined, first in self.joined if joined == number]
        if not firsts:
            return range(0)
        later = [first for joined, first in self.joined if joined > number]
        return range(min(firsts), min([*later, self.num_classes]))


@dataclass(eq=False)
class HeldSamples:
    """The samples that the boards of a run hold, in the place of an assignment.

    Attributes:
        task: The task that they learn.
        told: The labels of each board that was asked, as they are now.
        seconds: The time that each took to tell them.
        remarks: Sentences for the user: none.
    """

    task: HeldTask
    told: dict[Device, BoardLabels] = field(default_factory=dict)
    seconds: dict[Device, float] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    @classmethod
    async def met(cls, devices: Sequence[Device]) -> HeldSamples:
        """Ask boards that have just connected what they learn; nothing changes on any of them.

        Raises:
            BoardError: E_LABELS_DIFFER, E_LABELS_MANY, E_LABELS_FIRMWARE.
            LinkError: A board was lost.
        """
        first = devices[0].board
        held = cls(HeldTask(first.features, first.classes, first.model, (), model=devices[0].model))
        for device in devices:
            await held.ask(device)
        names = united({_who(device): labels.names for device, labels in held.told.items()})
        if names:
            for device, labels in held.told.items():
                check_fits(device, labels, names)
            held.task.names, held.task.num_classes = names, len(names)
        return held

    @property
    def trained(self) -> int:
        """Number of samples that all boards together train on."""
        return sum(device.stored.train for device in self.told)

    def check(self, _client: int, device: Device) -> None:
        """Refuse a board that has nothing to learn from, or features of another model.

        Raises:
            BoardError: E_BOARD_NO_SAMPLES, E_BOARD_MODEL.
        """
        if not device.stored.train:
            raise BoardError(
                "E_BOARD_NO_SAMPLES",
                f"{_who(device)} holds no samples to train on.",
                "Let it take some: `bytefed capture --help`; or leave it out.",
            )
        if device.board.model != self.task.model_hash:
            raise BoardError(
                "E_BOARD_MODEL",
                f"{_who(device)} holds another feature extractor ({device.board.model:08x}) than the run's "
                f"({self.task.model_hash:08x}).",
                "Features of two models can't be mixed: flash one model on all boards, and capture anew.",
            )

    async def ask(self, device: Device) -> None:
        """Ask a connected board for its labels.

        Raises:
            BoardError: E_LABELS_FIRMWARE.
            LinkError: It was lost.
        """
        started = now()
        self.told[device] = await read_labels(device)
        self.seconds[device] = now() - started

    def take_in(self, store: Store) -> str:
        """Take in the labels that boards have met since the run began; the run's head gets columns of zeros for them.

        Args:
            store: The run's store, whose heads and deltas are widened.

        Returns:
            A sentence about it; empty if there are none.

        Raises:
            BoardError: E_LABELS_DIFFER.
        """
        task = self.task
        if not task.names:
            return ""
        lists = {_who(device): labels.names for device, labels in self.told.items()}
        names = united({"The run": task.names, **lists})
        if len(names) == len(task.names):
            return ""
        done = store.head()[0]
        joined = (*task.joined, (done + 1, len(task.names))) if done else task.joined
        grown = replace(task, num_classes=len(names), names=names, joined=joined)

        def change(head: Head) -> Head:
            return widened(head, task.D, len(task.names), len(names))

        store.change_heads(change, NOTED, grown.note())
        new = names[len(task.names) :]
        task.names, task.num_classes, task.joined = names, len(names), joined
        return f"new since the run began: {', '.join(new)}; the head has {len(names)} columns from now on"

    def due(self, device: Device) -> tuple[str, ...]:
        """Return the labels that a board is to have: its own in their order, and behind them the run's others.

        Raises:
            BoardError: E_LABELS_DIFFER where the run has names, and nobody has set any on the board.
        """
        own = self.told[device].names
        return united({_who(device): own, "The run": self.task.names}) if self.task.names else own

    async def give(self, device: Device) -> None:
        """Give a connected board the run's labels.

        Raises:
            BoardError: E_LABELS_DIFFER for one that has labels which the run has not; as ``set_labels`` otherwise.
            LinkError: It was lost.
        """
        labels, names = self.told[device], self.due(device)
        if more := [name for name in names if name not in self.task.names]:
            raise BoardError(
                "E_LABELS_DIFFER",
                f"{_who(device)} has labels that the run has not: {', '.join(more)}.",
                "A run takes new labels in when it goes on: end it, and `bytefed run --resume DIR`.",
            )
        check_fits(device, labels, names)
        if device.welcome.state == State.RECEIVING:  # what a round that broke off had begun to send
            await device.ask(Kind.RELEASE, Release(0, 0).pack(), Kind.RELEASED)
        self.told[device] = await set_labels(device, names, known=labels)

    def order(self, device: Device) -> list[int]:
        """Return for each label of a board that has been given the run's its number in the run."""
        return [self.task.names.index(name) for name in self.told[device].names if self.task.names]

    def clients(self) -> Mapping[str, Mapping[str, list[int]]]:
        """Return the samples of each board that was asked, by label of the run and split."""
        return {
            device.name: {
                "train": self._in_order(device, labels.train),
                "test": self._in_order(device, labels.test),
            }
            for device, labels in self.told.items()
        }

    def _in_order(self, device: Device, counts: Sequence[int]) -> list[int]:
        names = self.task.names
        if not names:
            return list(counts)
        own = dict(zip(self.told[device].names, counts, strict=True))
        return [own.get(name, 0) for name in names]


def united(lists: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return the labels of some lists: the first list's, and behind them what each further one has beyond those.

    Args:
        lists: Lists of labels by whose they are; empty strings where nobody has set them.

    Returns:
        Each label once; none where nobody has set any.

    Raises:
        BoardError: E_LABELS_DIFFER if some have names and others have not: these know their labels by numbers alone.
    """
    named = [who for who, names in lists.items() if all(names)]
    if not named:
        return ()
    for who, names in lists.items():
        if not all(names):
            other = f"{named[0]} has {', '.join(lists[named[0]])}"
            raise BoardError("E_LABELS_DIFFER", f"{who} has labels that nobody has set; {other}.", _BY_NUMBER)
    return tuple(dict.fromkeys(name for names in lists.values() for name in names))


def learns_from_boards(config: RunConfig) -> bool:
    """Return whether a run learns from what its boards hold."""
    return config.data == ON_BOARDS


def refuse_started(uris: Sequence[str]) -> None:
    """Refuse boards that the run would start itself: they would hold nothing.

    Args:
        uris: The boards that bytefed would start.

    Raises:
        ConfigError: E_CONFIG_BOARDS.
    """
    if uris:
        raise ConfigError(
            "E_CONFIG_BOARDS",
            f"--boards {uris[0]} starts new boards, which hold no samples for --data {ON_BOARDS}.",
            "Name boards that hold some, such as serial:auto. Virtual ones that live on: `bytefed board --help`.",
        )


def _who(device: Device) -> str:
    return f"Board {device.name} ({device.uri})"
