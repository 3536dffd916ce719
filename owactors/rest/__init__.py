"""The HTTP API: routing, authentication, translation to and from entity. No decisions, no storage."""
