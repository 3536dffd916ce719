"""Message brokers between nodes: the producer and consumer ports and their back ends."""
