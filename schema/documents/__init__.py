"""What a document asks for, found before it is executed: its size, shape, errors and cost."""
