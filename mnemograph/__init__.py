"""The only top-level package of the installed distribution; the application is under `_app`."""
