"""The loops that do what the outbox has promised."""
