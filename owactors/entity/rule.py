"""Rules: which action a trigger starts. (OpenWhisk, WhiskRule.scala.)"""

from __future__ import annotations

from attrs import frozen

from owactors.entity.action import as_document
from owactors.entity.ids import DocRevision
from owactors.entity.jsonfields import JsonObject, as_bool, as_int, as_object, as_string, maybe, need
from owactors.entity.names import EntityPath, FullyQualifiedEntityName
from owactors.entity.parameters import Parameters
from owactors.entity.semver import SemVer


@frozen
class WhiskRule:
    """A rule. Its status is not here: it lives in the trigger's document."""

    namespace: str
    name: str
    trigger: FullyQualifiedEntityName
    action: FullyQualifiedEntityName
    version: SemVer = SemVer()
    publish: bool = False
    annotations: Parameters = Parameters()
    updated: int = 0
    revision: DocRevision = DocRevision()

    @classmethod
    def from_json(cls, value: object) -> WhiskRule:
        """Reads a document; trigger and action may be plain texts in old ones."""
        source = as_object(value)
        return cls(
            namespace=need(source, "namespace", EntityPath.from_json).text,
            name=need(source, "name", as_string),
            trigger=need(source, "trigger", FullyQualifiedEntityName.from_json),
            action=need(source, "action", FullyQualifiedEntityName.from_json),
            version=need(source, "version", SemVer.from_json),
            publish=need(source, "publish", as_bool),
            annotations=need(source, "annotations", Parameters.from_json),
            updated=maybe(source, "updated", as_int) or 0,
            revision=DocRevision.from_json(source.get("_rev")),
        )

    def to_json(self) -> JsonObject:
        """The fields of the document; the API adds the status."""
        return {
            "namespace": self.namespace,
            "name": self.name,
            "trigger": self.trigger.to_json(),
            "action": self.action.to_json(),
            "version": self.version.to_json(),
            "publish": self.publish,
            "annotations": self.annotations.to_json(),
            "updated": self.updated,
        }

    def to_document(self) -> JsonObject:
        """The document."""
        return as_document(self.to_json(), self.doc_id, self.revision, "rule")

    @property
    def doc_id(self) -> str:
        """`ns/name`."""
        return f"{self.namespace}/{self.name}"
