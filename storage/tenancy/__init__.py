"""Accounts, organizations, projects, members, keys and the audit log."""
