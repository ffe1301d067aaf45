"""The formats that a run's head can be written in."""

from __future__ import annotations

FORMATS = ("npz", "keras", "tflite", "c")
