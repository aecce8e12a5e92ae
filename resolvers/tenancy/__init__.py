"""Organizations, projects, members and keys, and who changed them."""
