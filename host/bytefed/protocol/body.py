"""The common base of all control messages: packs the fields, and unpacks them from bytes."""

from __future__ import annotations

import struct
from typing import Any, ClassVar, Self

from bytefed.errors import ProtocolError


class Body:
    """The body of a control message: a dataclass whose fields follow each other in the format LAYOUT.

    Callers judge the values; this class only packs and unpacks them.
    """

    KIND: ClassVar[Any]
    LAYOUT: ClassVar[struct.Struct]

    @classmethod
    def size(cls) -> int:
        """Return the bytes of the body, without its blob."""
        return cls.LAYOUT.size

    def pack(self) -> bytes:
        """Return the body's bytes."""
        return self.LAYOUT.pack(*vars(self).values())

    @classmethod
    def unpack(cls, body: bytes) -> Self:
        """Read a body; further bytes are ignored.

        Raises:
            ProtocolError: E_SHORT_MESSAGE when there are too few bytes.
        """
        if len(body) < cls.LAYOUT.size:
            raise ProtocolError(
                "E_SHORT_MESSAGE",
                f"a {cls.KIND.name} of {len(body)} bytes; it has at least {cls.LAYOUT.size}",
                "The board's firmware does not follow SPEC.md; flash the version that fits this host.",
            )
        return cls(*cls.LAYOUT.unpack_from(body))
