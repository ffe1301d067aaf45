"""The task of a run on samples that boards hold: none is here, so the extractor's golden inputs stand in for them."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np

from bytefed.data.task import Extraction, Samples, Task
from bytefed.errors import ModelError
from bytefed.extractor.extractor import Extractor, golden_inputs
from bytefed.federation.held import NOTED, HeldTask
from bytefed.runs.store import Store


def held_task(directory: Path) -> Task:
    """Return what a run learnt from boards' own samples, with random windows in the place of samples.

    Args:
        directory: The run directory.

    Raises:
        StoreError: E_RUN_MISSING, E_RUN_CORRUPT or E_RUN_FORMAT.
        ModelError: E_MODEL_MISSING if this host does not know the boards' extractor.
    """
    with closing(Store.open(directory)) as store:
        held = HeldTask.noted(store.meta(NOTED))
    known = held.known
    if known is None:
        raise ModelError(
            "E_MODEL_MISSING",
            f"This host does not know the extractor {held.model_hash:08x}, which the boards of {directory} have.",
            "Add it: `bytefed model add FILE --name NAME --labels ...`.",
        )
    name, manifest = known
    extractor = Extractor.load(name)
    golden = manifest.document["golden"]
    inputs = golden_inputs(golden["seed"], golden["n"], extractor.input_shape)
    samples = Samples(extractor.extract(inputs), np.zeros(len(inputs), np.uint8))
    return Task(
        held.name,
        samples,
        samples,
        held.num_classes,
        extractor.quantization,
        model=name,
        model_hash=held.model_hash,
        extraction=Extraction(extractor.model, inputs),
        classes=held.classes,
    )
