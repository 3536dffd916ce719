"""Decisions: events in, instructions out. No I/O, no clock, no randomness, no actors."""
