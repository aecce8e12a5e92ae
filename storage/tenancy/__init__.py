"""Accounts, organizations, projects, members and keys, and their audit log."""
