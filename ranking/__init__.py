"""How search ranks: pure functions of words and vectors, without input or output."""
