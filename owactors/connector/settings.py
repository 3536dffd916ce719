"""Where the brokers are, in words that need no client library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen


@frozen
class BrokerSettings:
    """Addresses (host:port), replicas of new topics, and what every client is told by its library's own names."""

    hosts: tuple[str, ...]
    replication_factor: int = 1
    common: Mapping[str, Any] = field(factory=dict, repr=False)
