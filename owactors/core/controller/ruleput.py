"""What requests make of a rule and of its link in a trigger. (OpenWhisk, Rules.scala, WhiskRule.scala.)

The status of a rule lives in the trigger's document.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve, frozen

from owactors.core.controller import messages, reading
from owactors.core.controller.actionput import LimitedPut
from owactors.core.controller.rejection import bad_request, malformed
from owactors.entity.names import FullyQualifiedEntityName
from owactors.entity.parameters import Parameters
from owactors.entity.rule import WhiskRule
from owactors.entity.semver import SemVer
from owactors.entity.trigger import ReducedRule, Status, WhiskTrigger


@frozen
class RulePut:
    """The body of a PUT of a rule; None where it says nothing."""

    trigger: FullyQualifiedEntityName | None = None
    action: FullyQualifiedEntityName | None = None
    version: SemVer | None = None
    publish: bool | None = None
    annotations: Parameters | None = None


def read_rule_put(body: Any, limited: LimitedPut, namespace: str) -> RulePut:
    """Reads the rest of the body; `_` in a reference is `namespace`. Rejection 400."""

    def reference(value: Any) -> FullyQualifiedEntityName:
        return reading.qualified_name(value).resolve(namespace)

    return RulePut(
        trigger=reading.optional(body, "trigger", reference),
        action=reading.optional(body, "action", reference),
        version=reading.optional(body, "version", reading.version),
        publish=reading.optional(body, "publish", reading.boolean),
        annotations=limited.annotations,
    )


def read_status(body: Any) -> Status:
    """Reads `{"status": "active" | "inactive"}`. Rejection 400."""
    if not isinstance(body, dict):
        raise malformed(f"{reading.compact(body)} (of class spray.json.{_class_of(body)})")
    if "status" not in body:
        raise malformed("key not found: status")
    status = body["status"]
    if not isinstance(status, str):
        raise malformed(f"{reading.compact(status)} (of class spray.json.{_class_of(status)})")
    try:
        return Status(status)
    except ValueError:
        raise malformed(f"requirement failed: {status} is not a recognized rule state") from None


def _class_of(value: Any) -> str:
    if value is None:
        return "JsNull$"
    if isinstance(value, bool):
        return f"Js{value}$"
    if isinstance(value, (int, float)):
        return "JsNumber"
    if isinstance(value, str):
        return "JsString"
    return "JsArray" if isinstance(value, list) else "JsObject"


def make_rule(put: RulePut, namespace: str, name: str) -> WhiskRule:
    """A new rule. Rejection 400 without trigger or action."""
    if put.trigger is None or put.action is None:
        raise bad_request(messages.RULE_INCOMPLETE)
    return WhiskRule(
        namespace=namespace,
        name=name,
        trigger=put.trigger,
        action=put.action,
        version=put.version or SemVer(),
        publish=bool(put.publish),
        annotations=put.annotations or Parameters(),
    )


def update_rule(put: RulePut, old: WhiskRule) -> WhiskRule:
    """The rule after an update: what the body names replaces the old."""
    return evolve(
        old,
        trigger=put.trigger or old.trigger,
        action=put.action or old.action,
        version=put.version or old.version.up_patch(),
        publish=old.publish if put.publish is None else put.publish,
        annotations=old.annotations if put.annotations is None else put.annotations,
    )


def status_in(trigger: WhiskTrigger | None, rule_id: str) -> Status:
    """The status a trigger gives to the rule `ns/name`; inactive without trigger or link."""
    if trigger is None or trigger.rules is None or rule_id not in trigger.rules:
        return Status.INACTIVE
    return trigger.rules[rule_id].status


def linked(trigger: WhiskTrigger, rule_id: str, action: FullyQualifiedEntityName, status: Status) -> WhiskTrigger:
    """The trigger with the rule linked to it."""
    return evolve(trigger, rules={**(trigger.rules or {}), rule_id: ReducedRule(action, status)})


def unlinked(trigger: WhiskTrigger, rule_id: str) -> WhiskTrigger:
    """The trigger without the rule."""
    rules = {name: rule for name, rule in (trigger.rules or {}).items() if name != rule_id}
    return evolve(trigger, rules=rules if trigger.rules is not None else None)
