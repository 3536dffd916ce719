"""The container pool: which container runs an activation, and how many containers there are.

Here: placement, the memory books, waiting activations, prewarmed containers, credit for the feed. Not here: which idle
container goes first (`keepalive`), what happens inside one container (`containerproxy`), and anything that waits.
(OpenWhisk, ContainerPool.scala.)
"""
