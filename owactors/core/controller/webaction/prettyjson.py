"""JSON text with one member a line and arrays on one line, as OpenWhisk's web actions print it."""

from __future__ import annotations

import json
from typing import Any


def pretty(value: Any, indent: int = 0) -> str:
    """Two spaces a level: `{"a":[1,2]}` becomes `{\\n  "a": [1, 2]\\n}`."""
    if isinstance(value, dict):
        return _object(value, indent)
    if isinstance(value, list):
        return "[" + ", ".join(pretty(element, indent) for element in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def _object(members: dict[str, Any], indent: int) -> str:
    inner = " " * (indent + 2)
    lines = (
        f"{inner}{json.dumps(key, ensure_ascii=False)}: {pretty(member, indent + 2)}" for key, member in members.items()
    )
    return "{\n" + ",\n".join(lines) + "\n" + " " * indent + "}"
