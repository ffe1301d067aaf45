"""Differential privacy per sample: how much noise a run needs, and what may be claimed of it (docs/privacy.md)."""
