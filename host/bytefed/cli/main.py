"""The command line: `bytefed COMMAND`.

Exit status: 0 done; 1 an error of boards, data, run directory or output; 2 an option or configuration that can't work;
3 `model whiten` found that whitening does not pay, and wrote nothing; 130 interrupted with Ctrl-C; 141 whoever read the
output has closed it, as `head` does.
"""

from __future__ import annotations

import sys  # the rest is imported where Ctrl-C is handled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

DONE, FAILED, REFUSED, INTERRUPTED, UNREAD = 0, 1, 2, 130, 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: Without the program's name; None for those of the process, whose streams are then made fit for it.

    Returns:
        The exit status.
    """
    try:
        return _process() if arguments is None else _status(list(arguments))
    except KeyboardInterrupt:
        if arguments is None:
            _ignore_interrupts()
            _forget_interrupt()
        sys.stderr.write("\ninterrupted\n" if sys.stderr.isatty() else "interrupted\n")
        return INTERRUPTED


def _process() -> int:
    from bytefed.cli.output import ReaderGone, report, standard_streams
    from bytefed.errors import BytefedError

    try:
        with standard_streams():
            try:
                return _status(sys.argv[1:])
            except SystemExit as ended:  # after --help, or a command line that is refused
                return int(ended.code or DONE)
    except ReaderGone:
        return UNREAD
    except BytefedError as error:  # raised when the last of the output was handed over
        report(error)
        return FAILED


def _status(words: list[str]) -> int:
    """Do what the command line says, and return the exit status."""
    from bytefed.cli.commands import COMMANDS
    from bytefed.cli.output import report
    from bytefed.cli.parser import build_parser
    from bytefed.errors import BytefedError, ConfigError, from_system

    try:
        args = build_parser(words[0] if words and words[0] in COMMANDS else None).parse_args(words)
    except ConfigError as error:  # of the user's preferences
        report(error)
        return REFUSED
    from bytefed.cli.diagnostics import diagnosed
    from bytefed.cli.terminal import downloads_shown

    try:
        with diagnosed(args, words), downloads_shown():
            return int(args.run(args))
    except BytefedError as error:
        report(error)
        return REFUSED if isinstance(error, ConfigError) else FAILED
    except OSError as error:
        report(from_system(error))
        return FAILED


def _ignore_interrupts() -> None:
    """Let a further Ctrl-C not disturb the end."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _forget_interrupt() -> None:
    """Let `python -m bytefed` end with the status that is returned.

    An interrupt that came within exec(), as in the making of a dataclass, is kept by Python as unhandled until the next
    exec(), and would end the process by the signal.
    """
    exec("")  # noqa: S102
