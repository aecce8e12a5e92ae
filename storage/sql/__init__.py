"""How statements are built: filters, pages, visibility, and ids as one parameter."""
