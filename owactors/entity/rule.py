"""Rules: which action a trigger starts. (OpenWhisk, WhiskRule.scala.)"""

from __future__ import annotations

from typing import ClassVar

from attrs import frozen

from owactors.entity.jsonfields import JsonObject, as_object, need
from owactors.entity.names import FullyQualifiedEntityName
from owactors.entity.whiskentity import WhiskEntity, name_fields, state_fields


@frozen
class WhiskRule(WhiskEntity):
    """A rule. Its status is not here: it lives in the trigger's document."""

    entity_type: ClassVar[str] = "rule"

    trigger: FullyQualifiedEntityName
    action: FullyQualifiedEntityName

    @classmethod
    def from_json(cls, value: object) -> WhiskRule:
        """Reads a document; trigger and action may be plain texts in old ones."""
        source = as_object(value)
        return cls(
            **name_fields(source),
            trigger=need(source, "trigger", FullyQualifiedEntityName.from_json),
            action=need(source, "action", FullyQualifiedEntityName.from_json),
            **state_fields(source),
        )

    def own_fields(self) -> JsonObject:
        """See WhiskEntity."""
        return {
            "trigger": self.trigger.to_json(),
            "action": self.action.to_json(),
        }
