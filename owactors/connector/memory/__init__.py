"""A broker inside the process: the same contract without a server, bounded in memory, gone with the process."""
