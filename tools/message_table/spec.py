"""SPEC.md's part: the tables of section 3, each between two marks that name it."""

from __future__ import annotations

import re

from table import Message, Table, TableError, Values

_MARKED = re.compile(r"(<!-- made: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def text(table: Table, old: str) -> str:
    """Return SPEC.md with its marked tables made anew.

    Raises:
        TableError: A table has no marks, or marks have no table.
    """
    made = {message.name: _fields(message) for message in table.messages if message.fields}
    made |= {"messages": _messages(table)}
    made |= {values.name: _values(values) for values in table.values if values.name == "Status"}
    marked = [name for _, name, _ in _MARKED.findall(old)]
    if sorted(marked) != sorted(made):
        raise TableError(f"SPEC.md: one mark is wanted for each of {', '.join(sorted(made))}; found {marked}")
    return _MARKED.sub(lambda found: found[1] + made[found[2]] + found[3], old)


def _rows(*rows: tuple[str, ...]) -> str:
    head, *body = (f"| {' | '.join(cells)} |" for cells in rows)
    return "\n".join([head, "|" + " --- |" * len(rows[0]), *body, ""]).replace("|  |", "| |")


def _messages(table: Table) -> str:
    rows = [
        (
            f"0x{each.kind:02X}" + " + flags" * bool(each.flags),
            each.name,
            each.direction,
            f"{each.size}{' + blob' * bool(each.blob)}",
            each.purpose,
        )
        for each in table.messages
    ]
    return _rows(("kind", "name", "direction", "body bytes", "what it does"), *rows)


def _fields(message: Message) -> str:
    rows = [(field.name, field.wire, field.meaning) for field in message.fields]
    if message.flags:
        rows.insert(0, ("flags", "in the kind", message.flags.listed()))
    if message.blob:
        rows.append(("blob", "bytes", message.blob))
    return _rows(("field", "type", "meaning"), *rows)


def _values(values: Values) -> str:
    rows = [(str(value.number), value.name, value.meaning) for value in values.values]
    return _rows((values.name.lower(), "name", "meaning"), *rows)
