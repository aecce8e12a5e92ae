"""Permanent erasure, and its receipts."""
