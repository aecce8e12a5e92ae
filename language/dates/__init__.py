"""Dates in texts: what a query asks about, and when a memory happened."""
