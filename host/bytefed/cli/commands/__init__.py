"""The commands of `bytefed`, one module each: `add_parser` says what it takes, `run` does it.

What a command alone needs it imports in `run`, so that `bytefed --help` is quick.
"""

from bytefed.cli.commands import (
    board,
    capture,
    devices,
    doctor,
    estimate,
    flash,
    gateway,
    model,
    partition,
    report,
    run,
    simulate,
    sweep,
)

COMMANDS = (
    run,
    simulate,
    report,
    estimate,
    sweep,
    partition,
    devices,
    capture,
    flash,
    doctor,
    board,
    gateway,
    model,
)
"""In the order of `bytefed --help`."""
