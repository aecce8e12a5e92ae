"""What is made of many memories: shaped exports, summaries and profiles."""
