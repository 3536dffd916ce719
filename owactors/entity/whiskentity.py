"""What actions, packages, triggers and rules have in common. (OpenWhisk, WhiskEntity.scala.)"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from attrs import field, frozen

from owactors.entity.ids import DocRevision
from owactors.entity.jsonfields import JsonObject, as_bool, as_instant, as_string, need
from owactors.entity.names import EntityPath
from owactors.entity.parameters import Parameters
from owactors.entity.semver import SemVer


@frozen
class WhiskEntity:
    """`namespace` is "ns" or "ns/pkg"; `updated` in epoch ms."""

    entity_type: ClassVar[str]

    namespace: str
    name: str
    version: SemVer = field(default=SemVer(), kw_only=True)
    publish: bool = field(default=False, kw_only=True)
    annotations: Parameters = field(default=Parameters(), kw_only=True)
    updated: int = field(default=0, kw_only=True)
    revision: DocRevision = field(default=DocRevision(), kw_only=True)

    def to_json(self) -> JsonObject:
        """The fields that the API shows, in its order."""
        return {
            "namespace": self.namespace,
            "name": self.name,
            **self.own_fields(),
            "version": self.version.to_json(),
            "publish": self.publish,
            "annotations": self.annotations.to_json(),
            "updated": self.updated,
        }

    def own_fields(self) -> JsonObject:
        """The fields that only this kind of entity has."""
        raise NotImplementedError

    def to_document(self) -> JsonObject:
        """The document: the API's fields and `_id`, `_rev` (when known), `entityType`."""
        document: JsonObject = {"_id": self.doc_id, **self.to_json(), "entityType": self.entity_type}
        if not self.revision.empty:
            document["_rev"] = self.revision.text
        return document

    @property
    def doc_id(self) -> str:
        """`ns/name` or `ns/pkg/name`."""
        return f"{self.namespace}/{self.name}"


def name_fields(source: Mapping[str, Any]) -> dict[str, Any]:
    """Where it lives; DeserializationError names the field."""
    return {"namespace": need(source, "namespace", EntityPath.from_json).text, "name": need(source, "name", as_string)}


def state_fields(source: Mapping[str, Any]) -> dict[str, Any]:
    """The other common fields; DeserializationError names the field."""
    return {
        "version": need(source, "version", SemVer.from_json),
        "publish": need(source, "publish", as_bool),
        "annotations": need(source, "annotations", Parameters.from_json),
        "updated": need(source, "updated", as_instant),
        "revision": DocRevision.from_json(source.get("_rev")),
    }
