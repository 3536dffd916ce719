"""The core driven by a trace instead of a clock."""
