"""Composition root: settings to actor system to roles; start, drain, stop."""
