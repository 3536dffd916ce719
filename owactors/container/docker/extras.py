"""What operators want of every container beside what there are settings for: fields of the engine's HostConfig."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

OURS = frozenset(
    [
        "Memory",
        "MemorySwap",
        "CpuShares",
        "NanoCpus",
        "PidsLimit",
        "NetworkMode",
        "CapDrop",
        "Ulimits",
        "LogConfig",
        "Dns",
        "DnsSearch",
        "DnsOptions",
        "Runtime",
        "ReadonlyRootfs",
        "StorageOpt",
        "Tmpfs",
    ]
)
"""Fields that other settings and actions' limits decide on."""


def extras(texts: Iterable[str]) -> dict[str, Any]:
    """Field -> value of each `Name=value`, where the value is JSON, else text. Raises ValueError that says why not."""
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.isalnum() or not name[0].isupper():
            raise ValueError(f"{text!r} is not Name=value with a field of the engine's HostConfig")
        if name in OURS:
            raise ValueError(f"{name} is decided by other settings or by the action's limits")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found
