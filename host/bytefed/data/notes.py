"""Remarks on what the reader of a folder left out or found odd: one sentence a kind, with count and first place."""

from __future__ import annotations

from pathlib import Path


class Notes:
    """Gathers remarks about files, so that a thousand remarks of one kind become one sentence."""

    def __init__(self) -> None:
        self._places: dict[str, list[Path]] = {}
        self._sentences: list[str] = []

    def add(self, what: str, path: Path) -> None:
        """Remark something about a file or a folder.

        Args:
            what: The beginning of a sentence that ends with the place, such as "Left out: 3 columns of time".
            path: The file or folder.
        """
        self._places.setdefault(what, []).append(path)

    def say(self, sentence: str) -> None:
        """Add a whole sentence."""
        self._sentences.append(sentence)

    def warnings(self, base: Path) -> tuple[str, ...]:
        """Return a sentence for each kind of remark.

        Args:
            base: The folder to which paths in the sentences are relative.
        """
        found = []
        for what, paths in self._places.items():
            first = _shown(paths[0], base)
            found.append(f"{what}: {first}" + (f" and {len(paths) - 1:,} more." if len(paths) > 1 else "."))
        return (*found, *self._sentences)


def _shown(path: Path, base: Path) -> str:
    name = path.relative_to(base).as_posix() if path.is_relative_to(base) else str(path)
    return "".join(letter if letter.isprintable() else "?" for letter in name)
