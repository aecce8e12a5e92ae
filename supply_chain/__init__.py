"""What the server is delivered with: known vulnerabilities and licenses of its dependencies."""
