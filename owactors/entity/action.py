"""Actions. (OpenWhisk, WhiskAction.scala.)"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from owactors.entity.exec import BlackBoxExec, CodeExec, Exec, SequenceExec, exec_from_json
from owactors.entity.ids import DocRevision
from owactors.entity.jsonfields import JsonObject, as_bool, as_int, as_object, as_string, maybe, need
from owactors.entity.limits import ActionLimits
from owactors.entity.manifest import ExecManifest
from owactors.entity.names import EntityPath, FullyQualifiedEntityName
from owactors.entity.parameters import Parameters
from owactors.entity.semver import SemVer

PROVIDE_API_KEY = "provide-api-key"


@frozen
class WhiskAction:
    """An action as it is stored. `namespace` is "ns" or "ns/pkg"; `updated` in epoch ms."""

    namespace: str
    name: str
    exec: Exec
    parameters: Parameters = Parameters()
    limits: ActionLimits = ActionLimits()
    version: SemVer = SemVer()
    publish: bool = False
    annotations: Parameters = Parameters()
    updated: int = 0
    revision: DocRevision = DocRevision()

    @classmethod
    def from_json(cls, value: object, manifest: ExecManifest) -> WhiskAction:
        """Reads a document or an API answer; DeserializationError names the field."""
        source = as_object(value)
        return cls(
            namespace=need(source, "namespace", EntityPath.from_json).text,
            name=need(source, "name", as_string),
            exec=need(source, "exec", lambda v: exec_from_json(v, manifest)),
            parameters=need(source, "parameters", Parameters.from_json),
            limits=need(source, "limits", ActionLimits.from_json),
            version=need(source, "version", SemVer.from_json),
            publish=need(source, "publish", as_bool),
            annotations=need(source, "annotations", Parameters.from_json),
            updated=maybe(source, "updated", as_int) or 0,
            revision=DocRevision.from_json(source.get("_rev")),
        )

    def to_json(self) -> JsonObject:
        """The fields that the API shows, in its order."""
        return {
            "namespace": self.namespace,
            "name": self.name,
            "exec": self.exec.to_json(),
            "parameters": self.parameters.to_json(),
            "limits": self.limits.to_json(),
            "version": self.version.to_json(),
            "publish": self.publish,
            "annotations": self.annotations.to_json(),
            "updated": self.updated,
        }

    def to_document(self) -> JsonObject:
        """The document: the API's fields and `_id`, `_rev` (when known), `entityType`."""
        return as_document(self.to_json(), self.doc_id, self.revision, "action")

    @property
    def doc_id(self) -> str:
        """`ns/name` or `ns/pkg/name`."""
        return f"{self.namespace}/{self.name}"

    @property
    def fully_qualified_name(self) -> FullyQualifiedEntityName:
        """Where it lives, with its version."""
        return FullyQualifiedEntityName(self.namespace, self.name, self.version)

    @property
    def is_sequence(self) -> bool:
        """True for a sequence: it has no container of its own."""
        return isinstance(self.exec, SequenceExec)

    @property
    def is_conductor(self) -> bool:
        """True for an action annotated as the conductor of a composition."""
        return self.annotations.is_truthy("conductor")

    @property
    def sentinelled_logs(self) -> bool:
        """Default for a runtime is true; of black boxes only those that the manifest trusts write sentinels."""
        return not isinstance(self.exec, BlackBoxExec) or self.exec.native

    @property
    def provides_api_key(self) -> bool:
        """True unless the annotation says otherwise: documents without it do get the caller's key."""
        return self.annotations.is_truthy(PROVIDE_API_KEY, when_absent=True)

    @property
    def code(self) -> str | None:
        """The code's text, None for sequences, images without code and code that is still attached."""
        return self.exec.code if isinstance(self.exec, (CodeExec, BlackBoxExec)) else None


def as_document(form: JsonObject, doc_id: str, revision: DocRevision, entity_type: str) -> JsonObject:
    """`form` with the store's own fields."""
    document: JsonObject = {"_id": doc_id, **form, "entityType": entity_type}
    if not revision.empty:
        document["_rev"] = revision.text
    return document


def entity_type_of(document: Mapping[str, Any]) -> str | None:
    """What a document of the database of entities says it is."""
    kind = document.get("entityType")
    return kind if isinstance(kind, str) else None
