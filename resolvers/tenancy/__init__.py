"""Organizations, projects, members and API keys, and the audit log of their changes."""
