"""Actions. (OpenWhisk, WhiskAction.scala.)"""

from __future__ import annotations

from typing import ClassVar

from attrs import frozen

from owactors.entity.exec import BlackBoxExec, CodeExec, Exec, SequenceExec, exec_from_json
from owactors.entity.jsonfields import JsonObject, as_object, need
from owactors.entity.limits import ActionLimits
from owactors.entity.manifest import ExecManifest
from owactors.entity.names import FullyQualifiedEntityName
from owactors.entity.parameters import Parameters
from owactors.entity.whiskentity import WhiskEntity, name_fields, state_fields

PROVIDE_API_KEY = "provide-api-key"


@frozen
class WhiskAction(WhiskEntity):
    """An action as it is stored. `namespace` is "ns" or "ns/pkg"; `updated` in epoch ms."""

    entity_type: ClassVar[str] = "action"

    exec: Exec
    parameters: Parameters = Parameters()
    limits: ActionLimits = ActionLimits()

    @classmethod
    def from_json(cls, value: object, manifest: ExecManifest) -> WhiskAction:
        """Reads a document or an API answer; DeserializationError names the field."""
        source = as_object(value)
        return cls(
            **name_fields(source),
            exec=need(source, "exec", lambda v: exec_from_json(v, manifest)),
            parameters=need(source, "parameters", Parameters.from_json),
            limits=need(source, "limits", ActionLimits.from_json),
            **state_fields(source),
        )

    def own_fields(self) -> JsonObject:
        """See WhiskEntity."""
        return {
            "exec": self.exec.to_json(),
            "parameters": self.parameters.to_json(),
            "limits": self.limits.to_json(),
        }

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
