"""The vocabulary of Mnemograph: plain Python without I/O or framework; imports no other layer."""
