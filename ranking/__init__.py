"""Ranking of search results: pure functions over terms and vectors, without I/O."""
