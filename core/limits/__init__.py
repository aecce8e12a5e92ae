"""The limits of requests: their settings, the size of JSON values, the points that work costs."""
