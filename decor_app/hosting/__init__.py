"""Settings, limits and metrics of the server."""
