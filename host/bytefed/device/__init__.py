"""One board as the host sees it: connect, provision, run a round, and recover from whatever the link does."""
