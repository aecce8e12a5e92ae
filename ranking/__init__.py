"""How search ranks: pure functions of words, dates and vectors, without input or output."""
