"""Everything durable: the SQL tables, which are the truth, and the vector index beside them."""
