"""Dates in texts: those a query asks about, and the time of a memory's event."""
