"""Webhooks, and how their messages are delivered."""
