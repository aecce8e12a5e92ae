"""HTTP endpoints outside GraphQL: the mem0 API, imports and export downloads."""
