"""From the deltas of a round to a new global head."""
