"""What a controller's supervision of the invokers says and is told."""

from __future__ import annotations

from attrs import frozen

from owactors.entity.instance import InvokerInstanceId


@frozen
class InvokerStates:
    """All invokers by number, each with its state: `up`, `unhealthy`, `unresponsive` or `down`."""

    states: tuple[tuple[InvokerInstanceId, str], ...]


@frozen
class InvocationReport:
    """An activation on the invoker ended: `success`, `systemError`, or not in time: `timeout`."""

    invoker: int
    result: str


@frozen
class CacheInvalid:
    """Another controller changed this document."""

    doc_id: str
