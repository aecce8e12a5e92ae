"""mem0's REST API: every route calls the same resolvers as GraphQL.

The requests and responses are those of the clients PyPI `mem0ai` 0.1.118, 1.0.11 and 2.2.1 and npm
`mem0ai` 3.3.1, and of mem0's published API reference.
"""
