"""How often a client may ask, and where that is counted."""
