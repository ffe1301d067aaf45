"""The sketch that classifies with an exported header; of a model of sound it says what makes the values it takes."""

from __future__ import annotations

from pathlib import Path

from bytefed.checkout import shipped
from bytefed.data.task import Extraction
from bytefed.extractor.manifest import model_hash
from bytefed.extractor.sound import front_end_of

_TYPED = "// The next value of the input. Here it is a number that was typed; put your sensor in its place.\n"
_HEARD = """\
// The next value of {frames} frames of {bands} log-mel values. Here it is a number that was typed: this sketch does not
// listen. In bytefed's library bytefed::Ear (bytefed/sound/ear.h) makes such values of a microphone's samples. They
// are int8 codes already and go into `input` as they are, without quantize().
"""


def sketch(extraction: Extraction | None) -> tuple[str, str]:
    """Return the text of the sketch, in ASCII, and what it is.

    Args:
        extraction: The extractor that is in the header; None for a header with a head alone.
    """
    template = "head_alone.ino" if extraction is None else "with_model.ino"
    text, about = (Path(__file__).parent / template).read_text("ascii"), "a sketch that classifies with it"
    front_end = None if extraction is None else front_end_of(model_hash(extraction.model))
    if front_end is None:
        return text, f"{about}, without bytefed"
    heard = _HEARD.format(frames=front_end.frames, bands=front_end.bands)
    about += f": log-mel values of sound, which nothing in it makes ({shipped('docs/export.md')})"
    return text.replace(_TYPED, heard), about
