"""A room of boards as one client of a federation of rooms."""
