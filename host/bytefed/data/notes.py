"""What the reader of a folder left out or found odd: said once a kind, with how often and the first place."""

from __future__ import annotations

from pathlib import Path


class Notes:
    """Gathers remarks about files, so that a thousand alike become one sentence."""

    def __init__(self) -> None:
        self._places: dict[str, list[Path]] = {}
        self._sentences: list[str] = []

    def add(self, what: str, path: Path) -> None:
        """Remark something about a file or a folder.

        Args:
            what: The beginning of a sentence that ends with the place, such as "Left out: 3 columns of time".
            path: Where.
        """
        self._places.setdefault(what, []).append(path)

    def say(self, sentence: str) -> None:
        """Add a whole sentence."""
        self._sentences.append(sentence)

    def warnings(self, base: Path) -> tuple[str, ...]:
        """A sentence for each kind of remark.

        Args:
            base: The folder that paths are shown from.
        """
        found = []
        for what, paths in self._places.items():
            first = _shown(paths[0], base)
            found.append(f"{what}: {first}" + (f" and {len(paths) - 1:,} more." if len(paths) > 1 else "."))
        return (*found, *self._sentences)


def _shown(path: Path, base: Path) -> str:
    name = path.relative_to(base).as_posix() if path.is_relative_to(base) else str(path)
    return "".join(letter if letter.isprintable() else "?" for letter in name)
