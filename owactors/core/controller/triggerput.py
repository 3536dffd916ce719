"""What a PUT makes of a trigger. (OpenWhisk, Triggers.scala.)"""

from __future__ import annotations

from typing import Any

from attrs import evolve, frozen

from owactors.core.controller import messages, reading
from owactors.core.controller.actionput import LimitedPut
from owactors.core.controller.rejection import bad_request
from owactors.entity.names import EntityPath
from owactors.entity.parameters import Parameters
from owactors.entity.semver import SemVer
from owactors.entity.trigger import WhiskTrigger


@frozen
class TriggerPut:
    """The body of a PUT of a trigger; None where it says nothing."""

    parameters: Parameters | None = None
    version: SemVer | None = None
    publish: bool | None = None
    annotations: Parameters | None = None


def read_trigger_put(body: Any, limited: LimitedPut) -> TriggerPut:
    """Reads the rest of the body. Rejection 400."""
    return TriggerPut(
        parameters=limited.parameters,
        version=reading.optional(body, "version", reading.version),
        publish=reading.optional(body, "publish", reading.boolean),
        annotations=limited.annotations,
    )


def make_trigger(put: TriggerPut, namespace: str, name: str) -> WhiskTrigger:
    """A new trigger. Rejection 400 for an annotation `feed` that names no feed."""
    annotations = put.annotations or Parameters()
    if "feed" in annotations and not _is_path(annotations.get("feed")):
        raise bad_request(messages.FEED_INVALID)
    return WhiskTrigger(
        namespace=namespace,
        name=name,
        parameters=put.parameters or Parameters(),
        version=put.version or SemVer(),
        publish=bool(put.publish),
        annotations=annotations,
    )


def _is_path(value: Any) -> bool:
    try:
        return isinstance(value, str) and EntityPath(value) is not None
    except ValueError:
        return False


def update_trigger(put: TriggerPut, old: WhiskTrigger) -> WhiskTrigger:
    """The trigger after an update; unlike those of actions, annotations are replaced as a whole."""
    return evolve(
        old,
        parameters=old.parameters if put.parameters is None else put.parameters,
        version=put.version or old.version.up_patch(),
        publish=old.publish if put.publish is None else put.publish,
        annotations=old.annotations if put.annotations is None else put.annotations,
    )
