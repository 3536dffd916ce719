"""The controller's decisions: who may do what, how fast, with which limits; what a PUT makes of a document.

Here: entitlement, throttles, checks of limits and kinds, merging of parameters and annotations, the rules of
creating actions, packages, triggers and rules, sequences, compositions and web actions. Not here: HTTP
(owactors.rest) and the choice of an invoker (owactors.core.loadbalancer).
"""
