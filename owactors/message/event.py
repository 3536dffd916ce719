"""User events: what became of an activation, and what the throttles count. (OpenWhisk, Message.scala: EventMessage.)

A body is a metric if it has a `metricName`, else an activation; `eventType` says the same once more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from attrs import frozen

from owactors.entity.activation import WhiskActivation
from owactors.entity.identity import Identity
from owactors.entity.instance import ControllerInstanceId, InvokerInstanceId
from owactors.entity.jsonfields import JsonObject, as_bool, as_int, as_object, as_string, maybe, need, without_none

#: the status of a result whose own `statusCode` is not a number
BAD_REQUEST = 400


@frozen
class ActivationEvent:
    """An activation that ended. Times in ms, memory in MB, size in bytes; `name` is namespace/[package/]action."""

    event_type: ClassVar[str] = "Activation"

    name: str
    activation_id: str
    status_code: int
    duration: int
    wait_time: int
    init_time: int
    kind: str
    conductor: bool
    memory: int
    caused_by: str | None = None
    size: int | None = None
    user_defined_status_code: int | None = None

    @classmethod
    def of(cls, record: WhiskActivation) -> ActivationEvent | None:
        """What the record says; None if it does not say which action ran, or of which kind."""
        notes = record.annotations
        path, kind = notes.get("path"), notes.get("kind")
        if not isinstance(path, str) or not isinstance(kind, str):
            return None
        return cls(
            name=path,
            activation_id=record.activation_id,
            status_code=record.response.status_code,
            duration=max(0, record.duration or 0),
            wait_time=_milliseconds(notes.get("waitTime")),
            init_time=_milliseconds(notes.get("initTime")),
            kind=kind,
            conductor=notes.get("conductor") is True,
            memory=_memory(notes.get("limits")),
            caused_by=notes.get("causedBy"),
            size=record.response.size,
            user_defined_status_code=_user_defined_status_code(record.response.result),
        )

    def to_json(self) -> JsonObject:
        """All but the last three, and of those what is set."""
        return without_none(
            name=self.name,
            activationId=self.activation_id,
            statusCode=self.status_code,
            duration=self.duration,
            waitTime=self.wait_time,
            initTime=self.init_time,
            kind=self.kind,
            conductor=self.conductor,
            memory=self.memory,
            causedBy=self.caused_by,
            size=self.size,
            userDefinedStatusCode=self.user_defined_status_code,
        )

    @classmethod
    def from_json(cls, value: object) -> ActivationEvent:
        """Reads the object."""
        source = as_object(value)
        return cls(
            name=need(source, "name", as_string),
            activation_id=need(source, "activationId", as_string),
            status_code=need(source, "statusCode", as_int),
            duration=need(source, "duration", _duration),
            wait_time=need(source, "waitTime", _duration),
            init_time=need(source, "initTime", _duration),
            kind=need(source, "kind", as_string),
            conductor=need(source, "conductor", as_bool),
            memory=need(source, "memory", as_int),
            caused_by=maybe(source, "causedBy", as_string),
            size=maybe(source, "size", as_int),
            user_defined_status_code=maybe(source, "userDefinedStatusCode", as_int),
        )


@frozen
class MetricEvent:
    """A count of the controller: ConcurrentInvocations, ConcurrentRateLimit, TimedRateLimit."""

    event_type: ClassVar[str] = "Metric"

    metric_name: str
    metric_value: int

    def to_json(self) -> JsonObject:
        """`{metricName, metricValue}`."""
        return {"metricName": self.metric_name, "metricValue": self.metric_value}

    @classmethod
    def from_json(cls, value: object) -> MetricEvent:
        """Reads the object."""
        source = as_object(value)
        return cls(need(source, "metricName", as_string), need(source, "metricValue", as_int))


EventBody = ActivationEvent | MetricEvent


@frozen
class EventMessage:
    """One event of one user. `namespace` is the one that invoked, `user_id` its uuid, `timestamp` epoch ms."""

    source: str
    body: EventBody
    subject: str
    namespace: str
    user_id: str
    timestamp: int

    @classmethod
    def of(
        cls, source: InvokerInstanceId | ControllerInstanceId, body: EventBody, user: Identity, timestamp: int
    ) -> EventMessage:
        """The event of an instance for a user."""
        return cls(source_of(source), body, user.subject, user.namespace.name, user.namespace.uuid, timestamp)

    def to_json(self) -> JsonObject:
        """`{source, body, subject, namespace, userId, eventType, timestamp}`."""
        return {
            "source": self.source,
            "body": self.body.to_json(),
            "subject": self.subject,
            "namespace": self.namespace,
            "userId": self.user_id,
            "eventType": self.body.event_type,
            "timestamp": self.timestamp,
        }

    @classmethod
    def from_json(cls, value: object) -> EventMessage:
        """Reads the object; all fields must be there, but the type follows from the body alone."""
        source = as_object(value)
        need(source, "eventType", as_string)
        return cls(
            source=need(source, "source", as_string),
            body=need(source, "body", _body),
            subject=need(source, "subject", as_string),
            namespace=need(source, "namespace", as_string),
            user_id=need(source, "userId", as_string),
            timestamp=need(source, "timestamp", as_int),
        )


def source_of(instance: InvokerInstanceId | ControllerInstanceId) -> str:
    """`invoker0` or `controller0`, without the names an invoker may have besides."""
    return f"invoker{instance.instance}" if isinstance(instance, InvokerInstanceId) else str(instance)


def _body(value: object) -> EventBody:
    source = as_object(value)
    return MetricEvent.from_json(source) if "metricName" in source else ActivationEvent.from_json(source)


def _duration(value: object) -> int:
    return max(0, as_int(value))


def _milliseconds(value: Any) -> int:
    return max(0, int(value)) if isinstance(value, (int, float)) else 0


def _memory(limits: Any) -> int:
    return int(limits.get("memory", 0)) if isinstance(limits, Mapping) else 0


def _user_defined_status_code(result: Any) -> int | None:
    """What the action itself calls its status: of its error, else of its result."""
    if not isinstance(result, Mapping):
        return None
    error = result.get("error")
    for place in (error, result):
        if isinstance(place, Mapping) and "statusCode" in place:
            code = place["statusCode"]
            whole = isinstance(code, (int, float)) and not isinstance(code, bool)
            return int(code) if whole else BAD_REQUEST
    return None
