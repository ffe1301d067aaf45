"""The accounting of bytes: counts by cause, closed forms that predict them, air time."""
