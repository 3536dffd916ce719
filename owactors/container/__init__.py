"""Where actions run: the container port, the HTTP client, the log collector and the back ends."""
