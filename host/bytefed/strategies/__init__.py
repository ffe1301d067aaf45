"""Strategies: make a new global head from the deltas of a round."""
