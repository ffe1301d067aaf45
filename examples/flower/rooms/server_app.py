"""What the SuperLink runs."""

from bytefed.flower.server import app

__all__ = ["app"]
