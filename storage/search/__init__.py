"""The data that searches read: keywords, embeddings, conversations and usage."""
