"""The doors that are no GraphQL: what is too large for an answer comes and goes by them."""
