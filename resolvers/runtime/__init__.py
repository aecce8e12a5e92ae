"""What a process keeps running between requests: feeds, caches and recorders."""
