"""Activation records. (OpenWhisk, WhiskActivation.scala, ActivationResult.scala.)"""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

from owactors.entity.errors import DeserializationError
from owactors.entity.jsonfields import (
    JsonObject,
    as_bool,
    as_instant,
    as_int,
    as_object,
    as_string,
    maybe,
    need,
    strings,
)
from owactors.entity.parameters import Parameters

SUCCESS, APPLICATION_ERROR, DEVELOPER_ERROR, WHISK_ERROR = 0, 1, 2, 3
#: status code -> what the API calls it
STATUS_TEXT = {
    SUCCESS: "success",
    APPLICATION_ERROR: "application error",
    DEVELOPER_ERROR: "action developer error",
    WHISK_ERROR: "whisk internal error",
}


@frozen
class ActivationResponse:
    """How an activation ended. `result` is any JSON value or None for none; `size` in bytes."""

    status_code: int
    result: Any = field(default=None, hash=False)
    size: int | None = None

    def __attrs_post_init__(self) -> None:
        if self.status_code not in STATUS_TEXT:
            raise ValueError(f"{self.status_code} is not a status code: 0 to 3")

    @classmethod
    def success(cls, result: Any = None, size: int | None = None) -> ActivationResponse:
        """Status 0."""
        return cls(SUCCESS, result, size)

    @classmethod
    def application_error(cls, error: Any, size: int | None = None) -> ActivationResponse:
        """Status 1 with `{"error": error}`."""
        return cls(APPLICATION_ERROR, {"error": error}, size)

    @classmethod
    def developer_error(cls, error: Any, size: int | None = None) -> ActivationResponse:
        """Status 2 with `{"error": error}`."""
        return cls(DEVELOPER_ERROR, {"error": error}, size)

    @classmethod
    def whisk_error(cls, error: Any) -> ActivationResponse:
        """Status 3 with `{"error": error}`."""
        return cls(WHISK_ERROR, {"error": error})

    @property
    def is_success(self) -> bool:
        """Status 0."""
        return self.status_code == SUCCESS

    @property
    def is_whisk_error(self) -> bool:
        """Status 3: the platform's fault."""
        return self.status_code == WHISK_ERROR

    def to_json(self) -> JsonObject:
        """The stored form: `{statusCode, result?, size?}`."""
        form: JsonObject = {"statusCode": self.status_code}
        if self.result is not None:
            form["result"] = self.result
        if self.size is not None:
            form["size"] = self.size
        return form

    def to_api(self) -> JsonObject:
        """The API's form: `{status, success, result?, size?}`."""
        form = self.to_json()
        code = form.pop("statusCode")
        return {"status": STATUS_TEXT[code], "statusCode": code, "success": code == SUCCESS, **form}

    @classmethod
    def from_json(cls, value: object) -> ActivationResponse:
        """Reads the stored form."""
        source = as_object(value)
        try:
            return cls(need(source, "statusCode", as_int), source.get("result"), maybe(source, "size", as_int))
        except DeserializationError:
            raise
        except ValueError as error:
            raise DeserializationError(str(error), "statusCode") from None


class _Sent:
    """A WhiskActivation between two processes: made anew from what `__reduce__` gave."""

    __message__ = True

    def __new__(cls, *fields: Any) -> WhiskActivation:  # type: ignore[misc]
        response, annotations = ActivationResponse(*fields[6]), Parameters.of_bare(fields[10])
        return WhiskActivation(*fields[:6], response, *fields[7:10], annotations, *fields[11:])  # type: ignore[call-arg]


@frozen
class WhiskActivation:
    """One activation. Times in epoch ms; `end` 0 means that nothing was executed (a trigger)."""

    namespace: str
    name: str
    subject: str
    activation_id: str
    start: int
    end: int
    response: ActivationResponse
    logs: tuple[str, ...] = ()
    version: str = "0.0.1"
    publish: bool = False
    annotations: Parameters = Parameters()
    duration: int | None = None
    cause: str | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        response = self.response
        return _Sent, (
            self.namespace,
            self.name,
            self.subject,
            self.activation_id,
            self.start,
            self.end,
            (response.status_code, response.result, response.size),
            self.logs,
            self.version,
            self.publish,
            self.annotations.bare(),
            self.duration,
            self.cause,
        )

    def to_json(self) -> JsonObject:
        """The record as stores and acknowledgements carry it."""
        form: JsonObject = {
            "namespace": self.namespace,
            "name": self.name,
            "subject": self.subject,
            "activationId": self.activation_id,
            "start": self.start,
            "end": self.end,
            "response": self.response.to_json(),
            "logs": list(self.logs),
            "version": self.version,
            "publish": self.publish,
            "annotations": self.annotations.to_json(),
        }
        if self.duration is not None:
            form["duration"] = self.duration
        if self.cause is not None:
            form["cause"] = self.cause
        return form

    def with_logs(self, logs: tuple[str, ...], annotations: Parameters) -> WhiskActivation:
        """The record with these logs and annotations."""
        return WhiskActivation(
            self.namespace,
            self.name,
            self.subject,
            self.activation_id,
            self.start,
            self.end,
            self.response,
            logs,
            self.version,
            self.publish,
            annotations,
            self.duration,
            self.cause,
        )

    def to_document(self, updated: int) -> JsonObject:
        """The document, written at `updated` (epoch ms)."""
        return {"_id": self.doc_id, **self.to_json(), "updated": updated, "entityType": "activation"}

    @property
    def doc_id(self) -> str:
        """`ns/activationId`."""
        return f"{self.namespace}/{self.activation_id}"

    @classmethod
    def from_json(cls, value: object) -> WhiskActivation:
        """Reads a document or the record inside an acknowledgement."""
        source = as_object(value)
        return cls(
            namespace=need(source, "namespace", as_string),
            name=need(source, "name", as_string),
            subject=need(source, "subject", as_string),
            activation_id=need(source, "activationId", as_string),
            start=need(source, "start", as_instant),
            end=need(source, "end", as_instant),
            response=need(source, "response", ActivationResponse.from_json),
            logs=need(source, "logs", strings),
            version=need(source, "version", as_string),
            publish=need(source, "publish", as_bool),
            annotations=need(source, "annotations", Parameters.from_json),
            duration=maybe(source, "duration", as_int),
            cause=maybe(source, "cause", as_string),
        )
