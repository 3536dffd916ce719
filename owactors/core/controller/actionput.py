"""What a PUT makes of an action: reading, creating, updating. (OpenWhisk, Actions.scala, WhiskAction.scala.)"""

from __future__ import annotations

from typing import Any

from attrs import evolve, frozen

from owactors.core.controller import messages, reading
from owactors.core.controller.rejection import bad_request
from owactors.entity.action import PROVIDE_API_KEY, WhiskAction
from owactors.entity.exec import Exec, SequenceExec
from owactors.entity.limits import ActionLimits, LimitBounds
from owactors.entity.manifest import ExecManifest
from owactors.entity.names import FullyQualifiedEntityName
from owactors.entity.parameters import Parameters
from owactors.entity.semver import SemVer


@frozen
class LimitedPut:
    """The parts of any PUT whose sizes are limited."""

    exec: Exec | None
    parameters: Parameters | None
    annotations: Parameters | None


def read_limited(body: Any, manifest: ExecManifest) -> LimitedPut:
    """Reads those parts. Rejection 400."""
    return LimitedPut(
        reading.optional(body, "exec", lambda value: reading.executable(value, manifest)),
        reading.optional(body, "parameters", reading.parameters),
        reading.optional(body, "annotations", reading.parameters),
    )


@frozen
class ActionPut:
    """The body of a PUT of an action; None where it says nothing. `limits` by field name."""

    exec: Exec | None = None
    parameters: Parameters | None = None
    limits: dict[str, int] | None = None
    version: SemVer | None = None
    publish: bool | None = None
    annotations: Parameters | None = None
    del_annotations: tuple[str, ...] | None = None


def read_action_put(body: Any, limited: LimitedPut) -> ActionPut:
    """Reads the rest of a body whose limited parts were read already. Rejection 400."""
    return ActionPut(
        exec=limited.exec,
        parameters=limited.parameters,
        limits=reading.optional(body, "limits", reading.limits),
        version=reading.optional(body, "version", reading.version),
        publish=reading.optional(body, "publish", reading.boolean),
        annotations=limited.annotations,
        del_annotations=reading.optional(body, "delAnnotations", reading.texts),
    )


def resolved_put(put: ActionPut, namespace: str) -> ActionPut:
    """The PUT with `_` in the components of a sequence replaced by the caller's namespace."""
    if not isinstance(put.exec, SequenceExec):
        return put
    components = tuple(resolved_component(name, namespace) for name in put.exec.components)
    return evolve(put, exec=SequenceExec(components), del_annotations=None)


def resolved_component(component: str, namespace: str) -> str:
    """`/_/a` as `/namespace/a`."""
    return f"/{FullyQualifiedEntityName.parse(component).resolve(namespace).doc_id}"


def check_supported(code: Exec, manifest: ExecManifest) -> None:
    """Rejection 400 for a deprecated kind."""
    runtime = manifest.get(code.kind)
    if runtime is not None and runtime.deprecated:
        raise bad_request(messages.runtime_deprecated(code.kind))


def sequence_parameters(code: SequenceExec) -> Parameters:
    """What a sequence has for parameters, whatever the caller sent."""
    return Parameters.of({"_actions": list(code.components)})


def amended(annotations: Parameters, code: Exec, api_key: bool) -> Parameters:
    """Annotations with those the controller sets itself; `api_key`: with `provide-api-key` where it is absent."""
    if api_key and PROVIDE_API_KEY not in annotations:
        annotations = annotations.put(PROVIDE_API_KEY, False)
    return annotations.put("exec", code.kind)


def make_action(put: ActionPut, namespace: str, name: str, bounds: LimitBounds, api_key: bool = True) -> WhiskAction:
    """A new action; `namespace` is "ns" or "ns/pkg". Rejection 400 without exec."""
    if put.exec is None:
        raise bad_request(messages.EXEC_UNDEFINED)
    sequence = put.exec if isinstance(put.exec, SequenceExec) else None
    return WhiskAction(
        namespace=namespace,
        name=name,
        exec=put.exec,
        parameters=sequence_parameters(sequence) if sequence else put.parameters or Parameters(),
        limits=ActionLimits.standard(bounds).merged(put.limits or {}),
        version=put.version or SemVer(),
        publish=bool(put.publish),
        annotations=amended(put.annotations or Parameters(), put.exec, api_key),
    )


def update_action(put: ActionPut, old: WhiskAction) -> WhiskAction:
    """The action after an update: what the body names replaces the old, annotations are merged."""
    code = put.exec if put.exec is not None else old.exec
    annotations = old.annotations.without(*(put.del_annotations or ()))
    if put.annotations is not None:
        annotations = annotations.merged(put.annotations)
    return evolve(
        old,
        exec=code,
        parameters=_updated_parameters(put, old),
        limits=old.limits.merged(put.limits or {}),
        version=put.version or old.version.up_patch(),
        publish=old.publish if put.publish is None else put.publish,
        annotations=amended(annotations, code, api_key=False),
    )


def _updated_parameters(put: ActionPut, old: WhiskAction) -> Parameters:
    if isinstance(put.exec, SequenceExec):
        return sequence_parameters(put.exec)
    if put.exec is None and old.is_sequence:
        return old.parameters
    if put.parameters is not None:
        return put.parameters
    return Parameters() if old.is_sequence else old.parameters
