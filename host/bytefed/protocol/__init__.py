"""SPEC.md sections 1 to 4 as bytes: messages, frames, chunks; no input, no output, no clock."""
