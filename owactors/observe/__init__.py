"""Transaction ids in logs, log markers, metrics."""
