"""The store that forgets: everything in this process's memory, for trials, tests and the simulator."""
