"""The bundled embedder and its model files."""
