"""What a SuperNode runs."""

from bytefed.flower.client import app

__all__ = ["app"]
