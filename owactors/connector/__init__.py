"""Message brokers between controllers and invokers: the port, the topics, and the back ends.

Belongs here: how bytes get onto a topic and from there to a consumer group, with each broker's own rules.
Does not belong here: what the bytes mean (message/) and when to read the next ones (core/messagefeed.py).
"""
