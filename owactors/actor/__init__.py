"""Thespian shells around the decisions in core: one file per actor. No decisions of their own."""
