"""The erasure of deleted data, and its receipts."""
