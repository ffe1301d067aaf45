"""The host's part: bytefed/protocol/message.py, with a dataclass for each message."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from cpp import camel
from table import Message, Table, Values, sentence

CODES = {"u8": "B", "u16": "H", "u32": "I", "u64": "Q", "i8": "b", "f32": "f"}
"""The letters of module struct for the types."""
WIDTH = 110

_HEAD = '''"""Control messages: SPEC.md section 3.

Made by tools/message_table/generate.py from firmware/lib/bytefed/messages.toml: do not edit.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum, IntFlag

from bytefed.protocol.body import Body
'''


def lines(table: Table) -> Iterator[str]:
    """Yield the lines of message.py, not yet formatted."""
    yield _HEAD
    for constant in table.constants:
        yield f"{constant.name} = {constant.value}"
        yield f'"""{sentence(constant.meaning)}"""'
    yield from ("class Kind(IntEnum):", '    """The first byte of a control frame."""', "")
    yield from (f"    {message.name} = 0x{message.kind:02X}" for message in table.messages)
    for values in table.values:
        yield from _enum(values)
    bodies = [each for each in table.messages if each.fields]
    for message in bodies:
        yield from _dataclass(message)
    yield f"MESSAGES: tuple[type[Body], ...] = ({', '.join(camel(each.name) for each in bodies)},)"
    yield '"""Every message that has a body."""'


def _enum(values: Values) -> Iterator[str]:
    yield f"class {values.name}({'IntFlag' if values.are_bits else 'IntEnum'}):"
    yield from (f'    """{sentence(values.meaning)}"""', "")
    for value in values.values:
        number = 1 << value.number if values.are_bits else value.number
        yield f"    {value.name} = {number}" + (f"  # {value.remark}" if value.remark else "")


def _dataclass(message: Message) -> Iterator[str]:
    yield from ("@dataclass(frozen=True)", f"class {camel(message.name)}(Body):")
    yield from (f'    """{sentence(message.purpose)}', "", "    Attributes:")
    for field in message.fields:
        text = f"{field.name}: {sentence(field.meaning)}"
        yield from textwrap.wrap(
            text, WIDTH, initial_indent=" " * 8, subsequent_indent=" " * 12, break_on_hyphens=False
        )
    yield from ('    """', "", f"    KIND = Kind.{message.name}")
    yield f'    LAYOUT = struct.Struct("<{"".join(CODES[field.wire] for field in message.fields)}")'
    for field in message.fields:
        default = "" if field.default is None else f" = {field.default}"
        yield f"    {field.name}: {'float' if field.wire == 'f32' else 'int'}{default}"
