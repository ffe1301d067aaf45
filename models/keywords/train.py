"""The spoken words' extractor: `python -m models.keywords.train --data-dir DIR`, with the spoken digits in DIR."""

from __future__ import annotations

from models.pipeline import Recipe, build, parser

from bytefed.data import keywords
from bytefed.extractor.word_network import backwards_too, layers, vary


def recipe() -> Recipe:
    """Return the recipe: the words that boards don't learn, which are labels 5 to 9."""
    first = len(keywords.LEARNED)
    return Recipe(
        name="keywords",
        network=layers(keywords.FRONT_END.frames),
        D=64,
        seen=tuple(range(first, first + len(keywords.HEARD))),
        augment=vary,
        views=backwards_too,
        epochs=25,
        sound=keywords.FRONT_END,
        projected=True,
    )


def main() -> None:
    """Train on five words by three speakers."""
    args = parser(__doc__, "folder that holds free_spoken_digit_dataset").parse_args()
    build(recipe(), args.data_dir, args.models, from_plain=args.from_plain)


if __name__ == "__main__":
    main()
