"""The store on disk: one SQLite file in the data folder, one thread that writes, a few that read."""
