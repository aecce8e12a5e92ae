"""What is removed for good, and the receipts of it."""
