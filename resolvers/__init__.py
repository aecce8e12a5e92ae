"""The business logic: it takes plain values and returns rows, and knows no protocol."""
