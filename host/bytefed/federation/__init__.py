"""Rounds of federated learning: who takes part, what counts, the new global head."""
