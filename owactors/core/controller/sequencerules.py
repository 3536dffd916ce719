"""What a sequence must satisfy to be stored: components that exist, no cycle, not too long when inlined.

The check asks for documents one by one; it is a generator, so that whoever drives it may fetch them in any way.
(OpenWhisk, Actions.scala.)
"""

from __future__ import annotations

from collections.abc import Generator

from owactors.core.controller.rejection import bad_request
from owactors.core.controller.sequence import COMPONENT_NOT_FOUND, TOO_LONG
from owactors.entity.action import WhiskAction
from owactors.entity.exec import SequenceExec
from owactors.entity.names import FullyQualifiedEntityName

NO_COMPONENT = "No component specified for the sequence."
CYCLIC = "Sequence may not refer to itself."

Resolved = tuple[FullyQualifiedEntityName, WhiskAction | None]
"""An action's own name, bindings on the way to it followed, and the action if it exists."""

Lookup = Generator[FullyQualifiedEntityName, Resolved, int]


def check_sequence(name: FullyQualifiedEntityName, components: tuple[str, ...], limit: int) -> Lookup:
    """Yields names to look up, is sent what was found, returns the number of atomic actions.

    `name` is the sequence's own, bindings followed. Raises Rejection (400) with OpenWhisk's text.
    """
    if not components:
        raise bad_request(NO_COMPONENT)
    count = yield from _count(name, components, limit)
    if count > limit:
        raise bad_request(TOO_LONG)
    return count


def _count(name: FullyQualifiedEntityName, components: tuple[str, ...], limit: int, depth: int = 0) -> Lookup:
    if len(components) > limit:
        raise bad_request(TOO_LONG)
    if depth > limit:
        raise bad_request(CYCLIC)
    count = 0
    for component in components:
        count += yield from _count_component(name, component, limit, depth)
        if count > limit:
            raise bad_request(TOO_LONG)
    return count


def _count_component(name: FullyQualifiedEntityName, component: str, limit: int, depth: int) -> Lookup:
    wanted = FullyQualifiedEntityName.parse(component).resolve(name.namespace)
    if wanted.doc_id == name.doc_id:
        raise bad_request(CYCLIC)
    found, action = yield wanted
    if found.doc_id == name.doc_id:
        raise bad_request(CYCLIC)
    if action is None:
        raise bad_request(COMPONENT_NOT_FOUND)
    if isinstance(action.exec, SequenceExec):
        return (yield from _count(name, action.exec.components, limit, depth + 1))
    return 1
