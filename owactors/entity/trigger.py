"""Triggers and the links from them to rules. (OpenWhisk, WhiskTrigger.scala.)"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from attrs import frozen

from owactors.entity.action import as_document
from owactors.entity.errors import DeserializationError
from owactors.entity.ids import DocRevision
from owactors.entity.jsonfields import JsonObject, as_bool, as_int, as_object, as_string, maybe, need
from owactors.entity.names import EntityPath, FullyQualifiedEntityName
from owactors.entity.parameters import Parameters
from owactors.entity.semver import SemVer


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
class WhiskTrigger:
    """A trigger. `rules` maps "ns/rule" to what the trigger knows of it; None when none was ever linked."""

    namespace: str
    name: str
    parameters: Parameters = Parameters()
    version: SemVer = SemVer()
    publish: bool = False
    annotations: Parameters = Parameters()
    rules: Mapping[str, ReducedRule] | None = None
    updated: int = 0
    revision: DocRevision = DocRevision()

    @classmethod
    def from_json(cls, value: object) -> WhiskTrigger:
        """Reads a document; DeserializationError names the field."""
        source = as_object(value)
        return cls(
            namespace=need(source, "namespace", EntityPath.from_json).text,
            name=need(source, "name", as_string),
            parameters=need(source, "parameters", Parameters.from_json),
            version=need(source, "version", SemVer.from_json),
            publish=need(source, "publish", as_bool),
            annotations=need(source, "annotations", Parameters.from_json),
            rules=maybe(source, "rules", _rules),
            updated=maybe(source, "updated", as_int) or 0,
            revision=DocRevision.from_json(source.get("_rev")),
        )

    def to_json(self) -> JsonObject:
        """The fields that the API shows; `rules` only if ever linked."""
        form: JsonObject = {
            "namespace": self.namespace,
            "name": self.name,
            "parameters": self.parameters.to_json(),
            "limits": {},
            "version": self.version.to_json(),
            "publish": self.publish,
            "annotations": self.annotations.to_json(),
            "updated": self.updated,
        }
        if self.rules is not None:
            form["rules"] = {name: rule.to_json() for name, rule in self.rules.items()}
        return form

    def to_document(self) -> JsonObject:
        """The document."""
        return as_document(self.to_json(), self.doc_id, self.revision, "trigger")

    @property
    def doc_id(self) -> str:
        """`ns/name`."""
        return f"{self.namespace}/{self.name}"


def _rules(value: object) -> dict[str, ReducedRule]:
    return {name: ReducedRule.from_json(rule) for name, rule in as_object(value).items()}
