"""The order to run an action: what a controller hands to an invoker. (OpenWhisk, Message.scala.)"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from owactors.entity.errors import DeserializationError
from owactors.entity.identity import Identity
from owactors.entity.ids import ActivationId, DocRevision
from owactors.entity.instance import ControllerInstanceId
from owactors.entity.jsonfields import (
    JsonObject,
    as_bool,
    as_object,
    as_string,
    kind_of,
    maybe,
    need,
    strings,
)
from owactors.entity.names import FullyQualifiedEntityName
from owactors.entity.transaction import TransactionId
from owactors.message.shared import SharedForm

_ACTIONS = SharedForm(FullyQualifiedEntityName.to_json, FullyQualifiedEntityName.from_json)
_USERS = SharedForm(Identity.to_json, Identity.from_json)
_CONTROLLERS = SharedForm(ControllerInstanceId.to_json, ControllerInstanceId.from_json)


class _Sent:
    """An ActivationMessage between two processes: made anew from what `__reduce__` gave."""

    __message__ = True

    def __new__(  # type: ignore[misc]
        cls, transid: tuple[Any, ...], action: bytes, revision: str, user: bytes, controller: bytes, *own: Any
    ) -> ActivationMessage:
        return ActivationMessage(
            TransactionId(*transid),
            _ACTIONS.value(action),
            DocRevision(revision),
            _USERS.value(user),
            own[0],
            _CONTROLLERS.value(controller),
            *own[1:],
        )


@frozen
class ActivationMessage:
    """One activation to run. `content` is the merged arguments: an object, an array, or None for none.

    `init_args` are the names that go to /init, `locked_args` the encrypted ones with their algorithm.
    """

    transid: TransactionId
    action: FullyQualifiedEntityName
    revision: DocRevision
    user: Identity
    activation_id: str
    root_controller_index: ControllerInstanceId
    blocking: bool
    content: Any = field(default=None, hash=False)
    init_args: tuple[str, ...] = ()
    locked_args: Mapping[str, str] = field(factory=dict, hash=False)
    cause: str | None = None
    trace_context: Mapping[str, str] | None = field(default=None, hash=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return _Sent, (
            self.transid.values(),
            _ACTIONS.form(self.action),
            self.revision.text,
            _USERS.form(self.user),
            _CONTROLLERS.form(self.root_controller_index),
            self.activation_id,
            self.blocking,
            self.content,
            self.init_args,
            self.locked_args,
            self.cause,
            self.trace_context,
        )

    def to_json(self) -> JsonObject:
        """The wire form."""
        form: JsonObject = {
            "transid": self.transid.to_json(),
            "action": self.action.to_json(),
            "revision": self.revision.to_json(),
            "user": self.user.to_json(),
            "activationId": self.activation_id,
            "rootControllerIndex": self.root_controller_index.to_json(),
            "blocking": self.blocking,
            "initArgs": list(self.init_args),
            "lockedArgs": dict(self.locked_args),
        }
        for name, value in (
            ("content", self.content),
            ("cause", self.cause),
            ("traceContext", self.trace_context),
        ):
            if value is not None:
                form[name] = value
        return form

    @classmethod
    def from_json(cls, value: object) -> ActivationMessage:
        """Reads the wire form; DeserializationError names the field that is missing or wrong."""
        source = as_object(value)
        return cls(
            transid=need(source, "transid", TransactionId.from_json),
            action=need(source, "action", FullyQualifiedEntityName.from_json),
            revision=need(source, "revision", DocRevision.from_json),
            user=need(source, "user", Identity.from_json),
            activation_id=need(source, "activationId", ActivationId.from_json).text,
            root_controller_index=need(source, "rootControllerIndex", ControllerInstanceId.from_json),
            blocking=need(source, "blocking", as_bool),
            content=maybe(source, "content", _content),
            init_args=need(source, "initArgs", _names),
            locked_args=need(source, "lockedArgs", _texts),
            cause=maybe(source, "cause", lambda v: ActivationId.from_json(v).text),
            trace_context=maybe(source, "traceContext", _texts),
        )


def _content(value: object) -> Any:
    if not isinstance(value, (dict, list)):
        raise DeserializationError(f"expected an object or an array, got {kind_of(value)}")
    return value


def _names(value: object) -> tuple[str, ...]:
    """Each once."""
    return tuple(dict.fromkeys(strings(value)))


def _texts(value: object) -> dict[str, str]:
    return {name: as_string(text) for name, text in as_object(value).items()}
