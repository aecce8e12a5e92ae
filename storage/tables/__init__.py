"""The declarations of all tables, and the types of their columns."""
