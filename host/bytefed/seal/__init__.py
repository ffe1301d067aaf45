"""Sealed links: the handshake, sealed frames and sealed blobs of SPEC.md section 10, by the firmware's own core.

Bytes in, bytes out: no port, no clock, no file. How keys are kept is not known here.
"""

from bytefed.seal.channel import BLOB_SEAL_SIZE, FRAME_SEAL_SIZE, TAG_SIZE, BlobSeal, Channel
from bytefed.seal.handshake import HANDSHAKE_OVERHEAD, KEY_SIZE, Greeting, draw_key

__all__ = [
    "BLOB_SEAL_SIZE",
    "FRAME_SEAL_SIZE",
    "HANDSHAKE_OVERHEAD",
    "KEY_SIZE",
    "TAG_SIZE",
    "BlobSeal",
    "Channel",
    "Greeting",
    "draw_key",
]
