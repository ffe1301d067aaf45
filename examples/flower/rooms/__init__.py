"""A Flower app over bytefed.gateway.flower."""
