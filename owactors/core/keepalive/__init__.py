"""Which idle container goes, and when: the port, and one file per policy.

Here: orders of idle containers, their priorities and life times. Not here: memory books, placement, messages (that is
`containerpool`), and anything that reads a clock.
"""
