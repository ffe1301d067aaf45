"""The marks that the stacks, heap and flash of an emulated board have reached."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

_NO_OWNERS = {"os", "stack", "task", "thread", "ux"}  # words of stacks' names that say nothing


@dataclass(frozen=True)
class Mark:
    """The most that was ever used of a piece of memory.

    Attributes:
        name: The image's name for it, such as "main" or "loop".
        used: The most bytes in use since the board was switched on.
        size: Its size, bytes.
    """

    name: str
    used: int
    size: int

    def __str__(self) -> str:
        """Return it in words."""
        return f"{self.used:,} of {self.size:,} B"


@dataclass(frozen=True)
class Watermarks:
    """The marks of one board since it was switched on.

    Attributes:
        seconds: Time that has passed on the board.
        instructions: Instructions that it has executed.
        idle: Share of that time for which its processor slept, 0..1.
        stacks: Its stacks; empty where the emulator knows none in the image.
        heap: Its heap; None where the image has none that the emulator knows.
        erases: Flash pages that it erased.
        words: Words of flash that it wrote.
        usb: Whether its USB is ready.
    """

    seconds: float
    instructions: int
    idle: float
    stacks: tuple[Mark, ...]
    heap: Mark | None
    erases: int
    words: int
    usb: bool

    @classmethod
    def read(cls, answer: Mapping[str, Any]) -> Watermarks:
        """Return what the emulator's answer to "statistics" says.

        Raises:
            KeyError, TypeError, ValueError: The answer is of another emulator.
        """
        heap, flash, stacks = answer.get("heap"), answer["flash"], answer.get("stacks", ())
        return cls(
            float(answer["seconds"]),
            int(answer["instructions"]),
            float(answer["idle_share"]),
            tuple(_mark(each) for each in stacks),
            _mark(heap) if heap else None,
            int(flash["erases"]),
            int(flash["words"]),
            bool(answer["usb"]["configured"]),
        )

    def facts(self) -> dict[str, str]:
        """Return them in words, by name."""
        facts = {f"stack {_owner(mark.name)}": str(mark) for mark in self.stacks}
        if self.heap is not None:
            facts["heap used"] = str(self.heap)
        facts["flash"] = f"{self.erases:,} erases, {self.words:,} words"
        facts["emulated"] = f"{self.seconds:.1f} s, asleep for {self.idle:.0%}"
        return facts


@runtime_checkable
class Watched(Protocol):
    """A transport whose board is watched from outside, as an emulator does: its watermarks can be asked for."""

    async def watermarks(self) -> Watermarks:
        """Return the marks that its memory has reached.

        Raises:
            LinkError: The watching program is gone.
        """


def _owner(stack: str) -> str:
    """Return whose stack it is, by its name: "idle" of os_idle_thread_stack or uxIdleTaskStack; "app" of stack."""
    words = [word.lower() for word in re.findall(r"[A-Z]?[a-z]+", stack)]
    return " ".join(word for word in words if word not in _NO_OWNERS) or "app"


def _mark(values: Mapping[str, Any]) -> Mark:
    return Mark(str(values["name"]), int(values["used"]), int(values["size"]))
