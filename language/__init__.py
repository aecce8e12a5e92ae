"""How texts are read: words, names, dates and claims, by rules alone and without any I/O."""
