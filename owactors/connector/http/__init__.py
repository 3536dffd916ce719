"""HTTP first: activations go to the invoker itself by POST /invoke, and by the topic of a broker when that fails.

The status comes at once and says that the invoker has the activation; its acknowledgements are the body, line by
line, when they are there. (DigitalOcean's functions-invoker: direct calls, with Kafka for the overload.)
"""
