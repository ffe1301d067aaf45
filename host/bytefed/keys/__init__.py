"""Keys that boards share with this user's hosts: drawn, kept in one private file, found by a board's uid.

Nothing of a key is ever said in an error, a representation, a log or a run directory.
"""

from bytefed.keys.file import KeyFile
from bytefed.keys.ring import KeyRing
from bytefed.keys.shared import BoardKey, key_check

__all__ = ["BoardKey", "KeyFile", "KeyRing", "key_check"]
