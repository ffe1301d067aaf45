"""The app that the SuperLink runs."""

from bytefed.gateway.flower.server import app

__all__ = ["app"]
