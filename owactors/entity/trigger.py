"""Triggers and the links from them to rules. (OpenWhisk, WhiskTrigger.scala.)"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import ClassVar

from attrs import frozen

from owactors.entity.errors import DeserializationError
from owactors.entity.jsonfields import JsonObject, as_object, as_string, maybe, need
from owactors.entity.names import FullyQualifiedEntityName
from owactors.entity.parameters import Parameters
from owactors.entity.whiskentity import WhiskEntity, name_fields, state_fields


class Status(Enum):
    """Whether a rule fires."""

    ACTIVE = "active"
    INACTIVE = "inactive"

    @classmethod
    def from_json(cls, value: object) -> Status:
        """Reads the text."""
        try:
            return cls(as_string(value))
        except ValueError:
            raise DeserializationError(f"{value!r} is not a recognized rule state") from None


@frozen
class ReducedRule:
    """What a trigger knows of a rule: the action and the status."""

    action: FullyQualifiedEntityName
    status: Status

    def to_json(self) -> JsonObject:
        """`{action, status}`."""
        return {"action": self.action.to_json(), "status": self.status.value}

    @classmethod
    def from_json(cls, value: object) -> ReducedRule:
        """Reads the object."""
        source = as_object(value)
        action = need(source, "action", FullyQualifiedEntityName.from_json)
        return cls(action, need(source, "status", Status.from_json))


@frozen
class WhiskTrigger(WhiskEntity):
    """A trigger. `rules` maps "ns/rule" to what the trigger knows of it; None when none was ever linked."""

    entity_type: ClassVar[str] = "trigger"

    parameters: Parameters = Parameters()
    rules: Mapping[str, ReducedRule] | None = None

    @classmethod
    def from_json(cls, value: object) -> WhiskTrigger:
        """Reads a document; DeserializationError names the field."""
        source = as_object(value)
        return cls(
            **name_fields(source),
            parameters=need(source, "parameters", Parameters.from_json),
            **state_fields(source),
            rules=maybe(source, "rules", _rules),
        )

    def own_fields(self) -> JsonObject:
        """See WhiskEntity."""
        return {"parameters": self.parameters.to_json(), "limits": {}}

    def to_json(self) -> JsonObject:
        """See WhiskEntity; `rules` only if ever linked."""
        form = super().to_json()
        if self.rules is not None:
            form["rules"] = {name: rule.to_json() for name, rule in self.rules.items()}
        return form


def _rules(value: object) -> dict[str, ReducedRule]:
    return {name: ReducedRule.from_json(rule) for name, rule in as_object(value).items()}
