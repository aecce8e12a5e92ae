"""Text analysis by rules, without I/O: terms, sentences, names, concepts, dates and claims."""
