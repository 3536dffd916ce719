"""Acknowledgements from an invoker to the controller that sent the activation. (OpenWhisk, Message.scala.)

Three kinds: a Result answers the caller, a Completion frees the invoker's slot, Combined does both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from owactors.entity.activation import WhiskActivation
from owactors.entity.errors import DeserializationError
from owactors.entity.ids import ActivationId
from owactors.entity.instance import ControllerInstanceId, InvokerInstanceId
from owactors.entity.jsonfields import JsonObject, as_bool, as_object, maybe, need
from owactors.entity.transaction import TransactionId
from owactors.message.shared import SharedForm

Instance = InvokerInstanceId | ControllerInstanceId
#: the whole record, or after shrinking only the activation's id
Response = WhiskActivation | str


def _id_of(response: Response) -> str:
    return response if isinstance(response, str) else response.activation_id


def _response_to_json(response: Response) -> JsonObject | str:
    return response if isinstance(response, str) else response.to_json()


def _response_from_json(value: object) -> Response:
    return ActivationId.from_json(value).text if isinstance(value, str) else WhiskActivation.from_json(value)


def _as_id(value: object) -> str:
    """Any text: what answers a message with a wrong id still tells which slot is free."""
    return value if isinstance(value, str) else ActivationId.from_json(value).text


def _is_system_error(response: Response) -> bool | None:
    return None if isinstance(response, str) else response.response.is_whisk_error


@frozen
class ResultMessage:
    """The answer for the caller, sent before logs are collected; the slot stays taken."""

    transid: TransactionId
    response: Response

    def __reduce__(self) -> tuple[Any, ...]:
        return ResultMessage, (self.transid, self.response)

    @property
    def activation_id(self) -> str:
        """The id, whichever form the response has."""
        return _id_of(self.response)

    def shrink(self) -> ResultMessage:
        """The same with only the id as response."""
        return ResultMessage(self.transid, self.activation_id)

    def to_json(self) -> JsonObject:
        """`{transid, response}`."""
        return {"transid": self.transid.to_json(), "response": _response_to_json(self.response)}


@frozen
class CompletionMessage:
    """The slot is free: the activation and its logs are done."""

    transid: TransactionId
    activation_id: str
    is_system_error: bool | None
    instance: Instance

    def __reduce__(self) -> tuple[Any, ...]:
        instance = _INSTANCES.form(self.instance)
        return _SentCompletion, (self.transid.values(), self.activation_id, self.is_system_error, instance)

    def shrink(self) -> CompletionMessage:
        """Nothing to shrink."""
        return self

    def to_json(self) -> JsonObject:
        """`{transid, activationId, isSystemError?, instance}`."""
        form: JsonObject = {"transid": self.transid.to_json(), "activationId": self.activation_id}
        return _with_instance(form, self.is_system_error, self.instance)


@frozen
class CombinedCompletionAndResultMessage:
    """Answer and free slot in one."""

    transid: TransactionId
    response: Response
    is_system_error: bool | None
    instance: Instance

    def __reduce__(self) -> tuple[Any, ...]:
        instance = _INSTANCES.form(self.instance)
        return _SentCombined, (self.transid.values(), self.response, self.is_system_error, instance)

    @classmethod
    def of(cls, transid: TransactionId, record: WhiskActivation, instance: Instance) -> Any:
        """The message for a record; whether it is a system error follows from its status."""
        return cls(transid, record, _is_system_error(record), instance)

    @property
    def activation_id(self) -> str:
        """The id, whichever form the response has."""
        return _id_of(self.response)

    def shrink(self) -> CombinedCompletionAndResultMessage:
        """The same with only the id as response."""
        return CombinedCompletionAndResultMessage(self.transid, self.activation_id, self.is_system_error, self.instance)

    def to_json(self) -> JsonObject:
        """`{transid, response, isSystemError?, instance}`."""
        form: JsonObject = {"transid": self.transid.to_json(), "response": _response_to_json(self.response)}
        return _with_instance(form, self.is_system_error, self.instance)


AcknowledgementMessage = ResultMessage | CompletionMessage | CombinedCompletionAndResultMessage


def _with_instance(form: JsonObject, is_system_error: bool | None, instance: Instance) -> JsonObject:
    if is_system_error is not None:
        form["isSystemError"] = is_system_error
    form["instance"] = instance.to_json()
    return form


def _instance(value: object) -> Instance:
    source: Mapping[str, Any] = as_object(value)
    if source.get("instanceType") == "invoker":
        return InvokerInstanceId.from_json(source)
    if source.get("instanceType") == "controller":
        return ControllerInstanceId.from_json(source)
    raise DeserializationError("must be 'invoker' or 'controller'", "instanceType")


_INSTANCES: SharedForm[Instance] = SharedForm(lambda instance: instance.to_json(), _instance)


class _SentCompletion:
    """A CompletionMessage between two processes."""

    __message__ = True

    def __new__(  # type: ignore[misc]
        cls, transid: tuple[Any, ...], activation_id: str, is_system_error: bool | None, instance: bytes
    ) -> CompletionMessage:
        return CompletionMessage(TransactionId(*transid), activation_id, is_system_error, _INSTANCES.value(instance))


class _SentCombined:
    """A CombinedCompletionAndResultMessage between two processes."""

    __message__ = True

    def __new__(  # type: ignore[misc]
        cls, transid: tuple[Any, ...], response: Response, is_system_error: bool | None, instance: bytes
    ) -> CombinedCompletionAndResultMessage:
        return CombinedCompletionAndResultMessage(
            TransactionId(*transid), response, is_system_error, _INSTANCES.value(instance)
        )


def acknowledgement_from_json(value: object) -> AcknowledgementMessage:
    """Reads any of the three: by `instance` and `response`, in the original's order."""
    source = as_object(value)
    transid = need(source, "transid", TransactionId.from_json)
    if "instance" not in source:
        return ResultMessage(transid, need(source, "response", _response_from_json))
    instance = need(source, "instance", _instance)
    is_system_error = maybe(source, "isSystemError", as_bool)
    if "response" in source:
        response = need(source, "response", _response_from_json)
        return CombinedCompletionAndResultMessage(transid, response, is_system_error, instance)
    return CompletionMessage(transid, need(source, "activationId", _as_id), is_system_error, instance)
