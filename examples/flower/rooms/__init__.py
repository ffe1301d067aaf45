"""A Flower app over bytefed.flower."""
