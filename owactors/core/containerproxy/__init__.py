"""The life of one container, decided: states, data, events, instructions, the transition table, its invariants.

Nothing here waits, sends or looks at a clock; the actor that carries out the instructions is in `owactors.actor`.
"""
