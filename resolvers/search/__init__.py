"""Search, from the query to ranked results."""
