"""Rooms of boards joined by Flower: a ClientApp that asks a room's gateway, a ServerApp that averages the rooms."""
