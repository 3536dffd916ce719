"""Where an activation goes and what becomes of it: slots, counters, completion times; one file per way to choose."""
