"""The embedder that ships with the application, and its model files."""
