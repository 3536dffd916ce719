"""Transaction ids in logs, log markers, metrics.

Belongs here: how the product tells what it does (log lines, start and finish markers, counters), cheap enough for the
hot path. Does not belong here: what is worth telling; that is said where it happens.
"""
