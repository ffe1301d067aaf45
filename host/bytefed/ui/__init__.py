"""A page in the browser for boards, captures, training, live predictions and runs, on this computer (docs/ui.md)."""
