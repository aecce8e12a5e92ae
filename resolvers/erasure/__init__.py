"""The removal of deleted data, and its receipts."""
