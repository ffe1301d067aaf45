"""Federated learning with clients in place of boards: simulate, sweep, and check against virtual boards."""
