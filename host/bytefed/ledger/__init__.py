"""What bytes were for, and what they should have been: counts by cause, closed forms, air time."""
