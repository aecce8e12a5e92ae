"""What the installed distribution shows of itself; the application lies under `_app`."""
