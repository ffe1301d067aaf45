"""Bluetooth without a radio: virtual boards behind a stand-in for the system's Bluetooth service."""
