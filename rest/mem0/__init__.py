"""mem0's REST contract, translated: every route calls the resolvers that GraphQL calls.

What its clients send and read was taken from the clients themselves, PyPI `mem0ai` 0.1.118, 1.0.11
and 2.2.1 and npm `mem0ai` 3.3.1, and from mem0's published API reference.
"""
