"""GraphQL over HTTP, server-sent events and WebSockets, and the GraphiQL page."""
