"""The largest few per cent of the parameters, all with the same magnitude (SPEC 5.5).

Sattler, Wiedemann, Mueller, Samek: Robust and Communication-Efficient Federated Learning from Non-IID Data.
2019. Positions after Elias (1974) and Fano (1971), whose size does not depend on them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bytefed.codec.arithmetic import SCALE_SIZE, Values, read_scale, total, write_scale


@dataclass(frozen=True)
class Stc:
    """Sparse ternary compression to a percentage of the parameters."""

    percent: int

    def size(self, count: int) -> int:
        """Bytes of a blob."""
        kept, low = self._plan(count)
        return SCALE_SIZE + -(-(kept * (low + 2) + ((count - 1) >> low)) // 8)

    def encode(self, values: Values, _seed: int) -> tuple[bytes, Values]:
        """Return the blob and what it stands for."""
        kept, low = self._plan(len(values))
        rank = np.abs(values).view(np.uint32) >> 16
        chosen = np.sort(np.argsort(-rank.astype(np.int32), kind="stable")[:kept])
        head, scale = write_scale(total(np.abs(values[chosen])) / np.float32(kept))
        negative = np.signbit(values[chosen])
        entries = np.column_stack([chosen[:, None] >> np.arange(low) & 1, negative]).astype(np.uint8)
        upper = np.zeros(kept + ((len(values) - 1) >> low), np.uint8)
        upper[(chosen >> low) + np.arange(kept)] = 1
        decoded = np.zeros_like(values)
        decoded[chosen] = np.where(negative, -scale, scale)
        bits = np.concatenate([entries.ravel(), upper])
        return head + np.packbits(bits, bitorder="little").tobytes(), decoded

    def decode(self, blob: bytes, count: int, _seed: int) -> Values:
        """Return what a blob stands for; positions out of range, which no encoder makes, are left out."""
        kept, low = self._plan(count)
        bits = np.unpackbits(np.frombuffer(blob, np.uint8)[SCALE_SIZE:], bitorder="little").astype(np.int64)
        entries = bits[: kept * (low + 1)].reshape(kept, low + 1)
        upper = np.flatnonzero(bits[entries.size : entries.size + kept + ((count - 1) >> low)])[:kept]
        entries = entries[: len(upper)]
        chosen = (upper - np.arange(len(upper)) << low) + entries[:, :low] @ (1 << np.arange(low))
        valid = chosen < count
        scale = read_scale(blob)
        values = np.zeros(count, np.float32)
        values[chosen[valid]] = np.where(entries[valid, low], -scale, scale)
        return values

    def _plan(self, count: int) -> tuple[int, int]:
        """How many are kept, and how many low bits of a position stand apart."""
        kept = max(1, count * self.percent // 100)
        return kept, (count // kept).bit_length() - 1
