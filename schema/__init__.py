"""The GraphQL schema and the transports that serve it."""
