"""The data sets that a run of the page can learn from by name: bytefed's own tasks, and the user's models'."""

from __future__ import annotations

from bytefed.data.load import TASKS
from bytefed.data.own import has_recordings
from bytefed.errors import ModelError
from bytefed.extractor.manifest import PLAIN, Manifest, model_folder, model_names


def data_shapes() -> dict[str, tuple[int, int]]:
    """Return the data sets whose extractor is here, each with the features D and the classes C of its head.

    Those with plain features are left out: they are there to compare with.
    """
    found = {}
    for name in model_names():
        try:
            if name.endswith(PLAIN) or not (name in TASKS or has_recordings(name)):
                continue
            manifest = Manifest.load(model_folder(name))
        except ModelError:  # a model of the user's own that is broken; whoever asks for it hears why
            continue
        found[name] = manifest.D, manifest.C
    return found
