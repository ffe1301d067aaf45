"""A run directory: the durable store, and the CSV files made from it."""
