"""How conversations become memories: extraction, duplicates, consolidation."""
