"""An action made ready to be invoked: parameters of its package and binding merged in, everything precomputed."""

from __future__ import annotations

from typing import Any

from attrs import evolve, field, frozen

from owactors.core.controller.arguments import immutable_parameters
from owactors.entity.action import WhiskAction
from owactors.entity.names import FullyQualifiedEntityName
from owactors.entity.parameters import Parameters


@frozen
class ResolvedAction:
    """`action` has the merged parameters; `binding` is "ns/pkg" of the binding it was reached through, or None."""

    action: WhiskAction
    binding: str | None
    #: where the action lives, with version and binding: goes into messages
    name: FullyQualifiedEntityName
    #: the merged parameters as plain values
    arguments: dict[str, Any] = field(hash=False)
    immutable: frozenset[str]
    init_args: tuple[str, ...]
    locked: dict[str, str] = field(hash=False)

    @classmethod
    def of(cls, action: WhiskAction, inherited: Parameters | None = None, binding: str | None = None) -> ResolvedAction:
        """`inherited` are the parameters of package and binding; those of the action win over them."""
        if inherited:
            action = evolve(action, parameters=inherited.merged(action.parameters))
        parameters = action.parameters
        return cls(
            action=action,
            binding=binding,
            name=FullyQualifiedEntityName(action.namespace, action.name, action.version, binding),
            arguments=parameters.values,
            immutable=immutable_parameters(parameters, action.annotations),
            init_args=parameters.init_keys,
            locked=parameters.locked,
        )
