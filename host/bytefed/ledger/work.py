"""The instructions that a board's processor executes for a round: training, noise, codecs and seals (docs/cost.md).

An emulator of a Cortex-M4F counted them; between the counted sizes they are interpolated, which is exact for the step,
whose loops are linear in D and in C. They become time and energy by ``AirTable.mips`` and the table's currents. The
test of a board's own samples and the framing of its messages are left out: together they are a few per cent of a round.
"""

from __future__ import annotations

from bytefed import codec
from bytefed.head import parameters
from bytefed.ledger.wire_size import LinkProfile

COUNTED = 64, 10
"""D and C of the head of docs/cost.md's codecs."""
_BOOKKEEPING = 300  # of a sample in an epoch: the shuffled order
HANDSHAKE = 2_762_710
"""Instructions of a handshake on the board."""
NOISE_DRAWN = 4_164
"""Instructions of the noise on one parameter, in the mean; the same for heads of any size."""
SEALED_FRAME = 15_711 + 15_979
"""Instructions of a message with 64 B that is opened, and of one that is sealed: those of a round."""


def step_instructions(features: int, classes: int) -> float:
    """Return the instructions of one sample's step of the softmax regression, batch 1."""
    return 220 + 69 * classes + features * (9.5 + 4 * classes)


def sample_instructions(features: int, classes: int, *, noises: bool = False) -> float:
    """Return the instructions of one sample in an epoch, with the order of the samples.

    Args:
        features: D of the head.
        classes: C of the head.
        noises: Whether the round is one with noise: the sample's gradient is clipped and summed, in integers.
    """
    if noises:
        return 359 + 90 * classes + features * (21.25 + 8 * classes)
    return step_instructions(features, classes) + _BOOKKEEPING


def codec_instructions(codecs: str, features: int, classes: int, *, encodes: bool = True) -> float:
    """Return the instructions that decode a head's blob and encode a delta's.

    Args:
        codecs: NAME, or DOWNLINK/UPLINK.
        features: D of the head.
        classes: C of the head.
        encodes: Whether a delta is encoded.
    """
    return codec.instructions(codecs, encodes=encodes) * parameters(features, classes) / parameters(*COUNTED)


def round_instructions(
    profile: LinkProfile,
    codecs: str,
    features: int,
    classes: int,
    *,
    noises: bool = False,
    encodes: bool = True,
) -> float:
    """Return the instructions of a board's round besides training.

    Args:
        profile: The link; a sealed one has its messages sealed.
        codecs: NAME, or DOWNLINK/UPLINK.
        features: D of the head.
        classes: C of the head.
        noises: Whether the board draws noise for its delta.
        encodes: Whether it encodes its delta as the codec does; see ``mask_work`` for hidden ones.
    """
    drawn = NOISE_DRAWN * parameters(features, classes) if noises else 0
    coded = codec_instructions(codecs, features, classes, encodes=encodes)
    return coded + drawn + (SEALED_FRAME if profile.sealed else 0)


def connection_instructions(profile: LinkProfile) -> int:
    """Return the instructions of a connection: those of the handshake, where there is one."""
    return HANDSHAKE if profile.sealed else 0
