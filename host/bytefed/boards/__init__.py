"""From a URI to a Device: real, virtual and emulated boards, and the catalog of those that bytefed knows."""
