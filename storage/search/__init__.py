"""What searches read: keywords, embeddings, neighbours and usage."""
