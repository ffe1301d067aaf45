"""The app that a SuperNode runs."""

from bytefed.gateway.flower.client import app

__all__ = ["app"]
