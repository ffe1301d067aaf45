"""Secure sums: hidden deltas as bytes, the masks that hide them, and what the host reads of their sum (SPEC.md section 11)."""
