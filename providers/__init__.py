"""Models behind protocols: embedders, extractors and shapers."""
