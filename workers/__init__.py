"""The loops that run the jobs of the outbox."""
