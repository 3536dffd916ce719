"""Fires a trigger: invokes the actions of its active rules and keeps a record of what became of them.

Every rule's action is invoked as its user would by a POST: throttles, access and parameters are checked anew.
The original sends itself HTTP requests for that; here the handler is called directly. (OpenWhisk, Triggers.scala.)
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from attrs import evolve

from owactors.core.controller import messages
from owactors.core.controller.limitcheck import max_payload_size
from owactors.core.controller.rejection import Rejection, too_large
from owactors.entity.activation import (
    APPLICATION_ERROR,
    SUCCESS,
    WHISK_ERROR,
    ActivationResponse,
    WhiskActivation,
)
from owactors.entity.identity import Identity
from owactors.entity.ids import new_activation_id
from owactors.entity.trigger import ReducedRule, Status, WhiskTrigger
from owactors.message.store import StoreUnavailable
from owactors.rest.answer import to_json_bytes
from owactors.rest.invoking import Invoked
from owactors.rest.ports import Services
from owactors.rest.repository import STORE_ERRORS, refusal_of
from owactors.rest.request import Request

logger = logging.getLogger(__name__)

Invoke = Callable[[Identity, str, dict[str, Any], Request], Awaitable[Invoked]]
"""Invokes the action "ns/name" or "ns/pkg/name" with a payload; Rejection or a store's error."""


class Firing:
    """Fires triggers; what goes on after the answer is kept until it is done."""

    def __init__(self, services: Services, invoke: Invoke) -> None:
        self._services = services
        self._invoke = invoke
        self._under_way: set[asyncio.Task[None]] = set()

    async def fire(
        self, user: Identity, trigger: WhiskTrigger, payload: dict[str, Any], request: Request
    ) -> str | None:
        """The activation id of the trigger's record, None if no rule is active (then there is no record)."""
        rules = trigger.rules or {}
        if all(rule.status is not Status.ACTIVE for rule in rules.values()):
            return None
        record = WhiskActivation(
            namespace=user.namespace.name,
            name=trigger.name,
            subject=user.subject,
            activation_id=new_activation_id(),
            start=self._services.now(),
            end=0,
            response=ActivationResponse.success(payload),
            version=str(trigger.version),
        )
        keep = self._services.settings.store_non_blocking and user.limits.store_activations is not False
        if keep:
            await self._accept(record)
        headers = {"__ow_headers": request.forwarded_headers()}
        arguments = {**trigger.parameters.values, **headers, **payload}
        task = asyncio.create_task(self._fire_rules(user, record, rules, arguments, request, keep))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return record.activation_id

    async def _accept(self, record: WhiskActivation) -> None:
        """The acceptance holds the record as far as it is known: `{"trigger": record}`."""
        content = to_json_bytes({"trigger": record.to_json()})
        await self._services.activations.accept(record.activation_id, record.namespace, content)

    async def _fire_rules(
        self,
        user: Identity,
        record: WhiskActivation,
        rules: Mapping[str, ReducedRule],
        arguments: dict[str, Any],
        request: Request,
        keep: bool,
    ) -> None:
        results = await asyncio.gather(
            *(self._fire_rule(user, name, rule, arguments, request) for name, rule in rules.items())
        )
        if not keep:
            return
        logs = tuple(to_json_bytes(result).decode() for result in results)
        try:
            await self._services.activations.store(evolve(record, logs=logs).to_json())
        except StoreUnavailable as error:
            logger.warning("record of trigger %s is lost: %s", record.doc_id, error)

    async def _fire_rule(
        self, user: Identity, name: str, rule: ReducedRule, arguments: dict[str, Any], request: Request
    ) -> dict[str, Any]:
        """The entry of one rule in the trigger's record."""
        action = rule.action.doc_id
        if rule.status is not Status.ACTIVE:
            return _entry(APPLICATION_ERROR, name, action, error=messages.rule_inactive(name, action))
        try:
            self._check_size(user, arguments)
            invoked = await self._invoke(user, action, arguments, request)
        except Rejection as refused:
            return _refused(refused, name, action)
        except STORE_ERRORS as error:
            return _refused(refusal_of(error), name, action)
        except Exception:
            logger.exception("rule %s failed to invoke %s", name, action)
            return _entry(WHISK_ERROR, name, action, error=messages.DEFAULTS[500])
        return _entry(SUCCESS, name, action, activation_id=invoked.activation_id)

    def _check_size(self, user: Identity, arguments: dict[str, Any]) -> None:
        most = max_payload_size(user.limits, self._services.settings.limits).bytes
        size = len(to_json_bytes(arguments))
        if size > most:
            raise too_large("Request", size, most)

    async def finish(self) -> None:
        """Returns when all that is under way is done: before the node ends."""
        while self._under_way:
            await asyncio.wait(tuple(self._under_way))


def _entry(
    status: int, rule: str, action: str, *, activation_id: str | None = None, error: str | None = None
) -> dict[str, Any]:
    """The fields in OpenWhisk's order: the entry is kept as text."""
    entry: dict[str, Any] = {"statusCode": status, "success": status == SUCCESS}
    if activation_id is not None:
        entry["activationId"] = activation_id
    entry["rule"] = rule
    if error is not None:
        entry["error"] = error
    return {**entry, "action": action}


def _refused(refused: Rejection, rule: str, action: str) -> dict[str, Any]:
    status = WHISK_ERROR if refused.status >= 500 else APPLICATION_ERROR
    text = refused.text or messages.DEFAULTS.get(refused.status, messages.DEFAULTS[500])
    return _entry(status, rule, action, error=text)
