"""The name a conductor gives its next component (OpenWhisk, FullyQualifiedEntityName.resolveName)."""

from __future__ import annotations

from typing import Any

from owactors.entity.names import EntityPath, FullyQualifiedEntityName


def component_name(value: Any, namespace: str) -> FullyQualifiedEntityName | None:
    """Resolve a JSON value; None if it names no action.

    With a leading slash it is `/ns/name` or `/ns/pkg/name`. Without, `name` and `pkg/name` are in
    `namespace`, and three segments are fully qualified. `_` stands for `namespace`.
    """
    if not isinstance(value, str):
        return None
    try:
        segments = EntityPath(value).segments
    except ValueError:
        return None
    if not value.startswith("/") and len(segments) < 3:
        segments = [namespace, *segments]
    if len(segments) not in (2, 3):
        return None
    return FullyQualifiedEntityName("/".join(segments[:-1]), segments[-1]).resolve(namespace)
