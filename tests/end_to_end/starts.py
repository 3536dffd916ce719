"""What the start of an action's first container took, as its record says."""

from __future__ import annotations

from itertools import count

from tests.end_to_end.nodes import LiveNode

#: the parts of a call that met a prewarmed container
PREWARMED = ["wait", "init", "run"]
#: the parts of a call that met a prewarmed container which had another amount of memory
RESIZED = ["wait", "resize", "init", "run"]
_NUMBERS = count()


def first_start(node: LiveNode, **limits: int) -> list[str]:
    """The names of the parts, for an action that is new."""
    name = f"first-start-{next(_NUMBERS)}"
    node.deploy(name, "def main(args):\n    return {}", **limits)
    record = node.record(node.invoke(name).json["activationId"])
    noted = {entry["key"]: entry["value"] for entry in record["annotations"]}
    assert noted["logs"] == "complete"
    return list(noted["phases"])


def meets_a_resized_container(node: LiveNode, memory: int) -> None:
    """While others have the only stem cell, and until there is a new one, a start is a cold one: several are tried."""
    node.wait_until(lambda: first_start(node, memory=memory) == RESIZED, f"a stem cell gets {memory} MB", 60)
