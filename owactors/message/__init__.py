"""What is said between parts, one module per conversation. Pure values; no behaviour."""
