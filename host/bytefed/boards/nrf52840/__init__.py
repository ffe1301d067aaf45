"""The exact images of boards on an emulated nRF52840: what a user flashes, reached like a port."""
