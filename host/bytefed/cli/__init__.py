"""Words on a terminal: options, tables, progress bars, exit status."""
