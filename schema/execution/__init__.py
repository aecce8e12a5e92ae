"""Breadth-first execution of operations: one pass for all objects of a level of the response."""
