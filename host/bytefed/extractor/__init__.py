"""Frozen feature extractors, one int8 .tflite each: checked, described by a manifest, run on the host."""
