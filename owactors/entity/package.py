"""Packages and bindings. (OpenWhisk, WhiskPackage.scala.)"""

from __future__ import annotations

from typing import ClassVar

from attrs import frozen

from owactors.entity.jsonfields import JsonObject, as_object, as_string, need
from owactors.entity.parameters import Parameters
from owactors.entity.whiskentity import WhiskEntity, name_fields, state_fields


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
class WhiskPackage(WhiskEntity):
    """A package, or with `binding` a reference to another one. `publish` makes it readable to all."""

    entity_type: ClassVar[str] = "package"

    binding: Binding | None = None
    parameters: Parameters = Parameters()

    @classmethod
    def from_json(cls, value: object) -> WhiskPackage:
        """Reads a document; DeserializationError names the field."""
        source = as_object(value)
        return cls(
            **name_fields(source),
            binding=need(source, "binding", binding_from_json),
            parameters=need(source, "parameters", Parameters.from_json),
            **state_fields(source),
        )

    def own_fields(self) -> JsonObject:
        """See WhiskEntity."""
        return {
            "binding": {} if self.binding is None else self.binding.to_json(),
            "parameters": self.parameters.to_json(),
        }
