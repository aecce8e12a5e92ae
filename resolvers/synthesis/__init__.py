"""Results computed from many memories: shaped exports, summaries and profiles."""
