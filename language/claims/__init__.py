"""Claims: statements about oneself of which only one can be true at a time."""
