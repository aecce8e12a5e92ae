"""Hides the package of this name, which a server does not have, from the tests and their servers.

One of the development tools (the one that writes the SBOM) brings it. Where it is installed,
`jsonschema` imports it, which takes two seconds in each process that starts.
"""

raise ImportError("a server has no rfc3987_syntax")
