"""The vocabulary of Mnemograph: plain Python, no I/O, no framework, nothing of ours below it."""
