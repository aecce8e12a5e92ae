"""The GraphQL contract, and the transports that serve it."""
