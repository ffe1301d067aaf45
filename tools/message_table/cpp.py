"""The core's part: message.h, with the structs and the list of all messages."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from table import Field, Message, Table, Values, sentence

TYPES = {
    "u8": "uint8_t", "u16": "uint16_t", "u32": "uint32_t", "u64": "uint64_t", "i8": "int8_t", "f32": "float",
    "size": "size_t",
}  # fmt: skip


def lines(table: Table) -> Iterator[str]:
    """Yield the lines of message.h, not yet formatted."""
    yield "// Control messages (SPEC 3): packed little-endian bodies, sizes that never depend on data."
    yield "// Made by tools/message_table/generate.py from firmware/lib/bytefed/messages.toml: do not edit."
    yield from ("#pragma once", "#include <cstddef>", "#include <cstdint>", "", "namespace bytefed {", "")
    for constant in table.constants:
        name = camel(constant.name, "k")
        yield from _comment(constant.meaning)
        yield f"constexpr {TYPES[constant.type]} {name} = {constant.value};"
    yield from ("", "enum class Kind : uint8_t {")
    yield from (f"{camel(each.name, 'k')} = 0x{each.kind:02X}," for each in table.messages)
    yield "};"
    for values in table.values:
        if not values.are_bits:
            yield from _enum(values)
    for flags in {each.flags.name: each.flags for each in table.messages if each.flags}.values():
        yield from (
            "",
            f"// {sentence(flags.meaning)}",
            f"struct {flags.name} {{",
            f"static constexpr {_bits(flags)};",
            "};",
        )
    bodies = [each for each in table.messages if each.fields]
    for message in bodies:
        yield from _struct(message)
    yield from ("", "// Calls X with each message that has a body.", "#define BYTEFED_MESSAGES(X) \\")
    yield " \\\n".join(f"X({camel(each.name)})" for each in bodies)
    yield from ("", "}  // namespace bytefed")


def camel(name: str, prefix: str = "") -> str:
    """Turn NAME_OF_THIS into NameOfThis."""
    return prefix + "".join(word.capitalize() for word in name.split("_"))


def _enum(values: Values) -> Iterator[str]:
    yield from ("", f"// {sentence(values.meaning)}", f"enum class {values.name} : {TYPES[values.type]} {{")
    for value in values.values:
        yield f"{camel(value.name, 'k')} = {value.number}," + (
            f"  // {value.meaning}" if value.meaning else ""
        )
    yield "};"


def _bits(values: Values) -> str:
    """Return constants with one bit each, as a declaration gives them."""
    bits = ", ".join(f"{camel(bit.name, 'k')} = {1 << bit.number}" for bit in values.values)
    return f"{TYPES[values.type]} {bits}"


def _struct(message: Message) -> Iterator[str]:
    name = camel(message.name)
    yield from ("", f"// {sentence(message.purpose)}", f"struct {name} {{")
    yield f"static constexpr Kind kKind = Kind::k{name};"
    yield f"static constexpr size_t kSize = {message.size};"
    for field in message.fields:
        if field.values and field.values.are_bits:
            yield f"static constexpr {_bits(field.values)};  // {field.name}"
    for field in message.fields:
        yield from _comment(field.meaning)
        yield _member(field)
    yield from ("", "// Gives every field to `io`, in the order on the wire.")
    yield "template <typename IO, typename M> static void fields(IO& io, M& message) {"
    yield from (f"io(message.{field.name});" for field in message.fields)
    yield from ("}", "};")


def _comment(meaning: str) -> list[str]:
    mark = "// "
    return textwrap.wrap(
        sentence(meaning), 104, initial_indent=mark, subsequent_indent=mark, break_on_hyphens=False
    )


def _member(field: Field) -> str:
    is_enum = field.values and not field.values.are_bits
    type_ = field.values.name if field.values and is_enum else TYPES[field.wire]
    default = "" if field.default is None else f" = {field.default}f"
    return f"{type_} {field.name}{default};"
