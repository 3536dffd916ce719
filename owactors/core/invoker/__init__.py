"""What an invoker decides before an activation reaches the pool: blacklist, action, limits, and the way out on errors.

Not here: placement (`containerpool`), and who fetches documents. (OpenWhisk, InvokerReactive.scala.)
"""
