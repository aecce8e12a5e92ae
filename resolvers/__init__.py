"""What the product does: plain values in, rows out, free of any protocol."""
