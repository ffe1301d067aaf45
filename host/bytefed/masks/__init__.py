"""Secure sums (SPEC.md section 11): hidden deltas as bytes, the masks that hide them, and what their sum says."""
