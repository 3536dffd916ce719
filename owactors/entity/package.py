"""Packages and bindings. (OpenWhisk, WhiskPackage.scala.)"""

from __future__ import annotations

from attrs import frozen

from owactors.entity.action import as_document
from owactors.entity.ids import DocRevision
from owactors.entity.jsonfields import JsonObject, as_bool, as_int, as_object, as_string, maybe, need
from owactors.entity.names import EntityPath
from owactors.entity.parameters import Parameters
from owactors.entity.semver import SemVer


@frozen
class Binding:
    """The package a binding points to."""

    namespace: str
    name: str

    def to_json(self) -> JsonObject:
        """`{namespace, name}`."""
        return {"namespace": self.namespace, "name": self.name}

    @property
    def doc_id(self) -> str:
        """The id of the package's document."""
        return f"{self.namespace}/{self.name}"


def binding_from_json(value: object) -> Binding | None:
    """Reads `{}` as None (a real package), else both fields."""
    source = as_object(value)
    return Binding(need(source, "namespace", as_string), need(source, "name", as_string)) if source else None


@frozen
class WhiskPackage:
    """A package, or with `binding` a reference to another one. `publish` makes it readable to all."""

    namespace: str
    name: str
    binding: Binding | None = None
    parameters: Parameters = Parameters()
    version: SemVer = SemVer()
    publish: bool = False
    annotations: Parameters = Parameters()
    updated: int = 0
    revision: DocRevision = DocRevision()

    @classmethod
    def from_json(cls, value: object) -> WhiskPackage:
        """Reads a document; DeserializationError names the field."""
        source = as_object(value)
        return cls(
            namespace=need(source, "namespace", EntityPath.from_json).text,
            name=need(source, "name", as_string),
            binding=need(source, "binding", binding_from_json),
            parameters=need(source, "parameters", Parameters.from_json),
            version=need(source, "version", SemVer.from_json),
            publish=need(source, "publish", as_bool),
            annotations=need(source, "annotations", Parameters.from_json),
            updated=maybe(source, "updated", as_int) or 0,
            revision=DocRevision.from_json(source.get("_rev")),
        )

    def to_json(self) -> JsonObject:
        """The fields that the API shows."""
        return {
            "namespace": self.namespace,
            "name": self.name,
            "binding": {} if self.binding is None else self.binding.to_json(),
            "parameters": self.parameters.to_json(),
            "version": self.version.to_json(),
            "publish": self.publish,
            "annotations": self.annotations.to_json(),
            "updated": self.updated,
        }

    def to_document(self) -> JsonObject:
        """The document."""
        return as_document(self.to_json(), self.doc_id, self.revision, "package")

    @property
    def doc_id(self) -> str:
        """`ns/pkg`."""
        return f"{self.namespace}/{self.name}"
