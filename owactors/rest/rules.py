"""Rules: `/namespaces/{ns}/rules…`. (OpenWhisk, Rules.scala.)

A rule's document names trigger and action; whether it is active is written in the trigger's document.
"""

from __future__ import annotations

from owactors.core.controller import messages
from owactors.core.controller.actionput import LimitedPut
from owactors.core.controller.entitlement import ACTIONS, RULES, TRIGGERS, Resource
from owactors.core.controller.rejection import bad_request, conflict, not_found
from owactors.core.controller.ruleput import (
    RulePut,
    linked,
    make_rule,
    read_rule_put,
    read_status,
    status_in,
    unlinked,
    update_rule,
)
from owactors.entity.identity import Identity, Privilege
from owactors.entity.names import FullyQualifiedEntityName
from owactors.entity.rule import WhiskRule
from owactors.entity.trigger import Status, WhiskTrigger
from owactors.message.store import NoDocument
from owactors.rest import query
from owactors.rest.answer import Answer, json_answer, ok
from owactors.rest.collection import Collection
from owactors.rest.ports import Json
from owactors.rest.repository import Corrupted, NotInCollection
from owactors.rest.request import Request

_STORE_FIELDS = frozenset({"_id", "_rev", "entityType", "_attachments"})


def _shown(rule: WhiskRule, status: Status) -> Json:
    return {**rule.to_json(), "status": status.value}


class Rules(Collection):
    """Reads, creates, updates, deletes and lists rules, and switches them on and off."""

    name = RULES

    def row(self, row: Json) -> Json:
        """The rule's document without the store's fields; it has no status."""
        return {field: value for field, value in row.items() if field not in _STORE_FIELDS}

    async def read(self, user: Identity, namespace: str, name: str, request: Request) -> Answer:
        """The rule with its status."""
        rule = await self.repository.rule(f"{namespace}/{name}")
        trigger = await self._trigger(rule.trigger)
        return json_answer(_shown(rule, status_in(trigger, rule.doc_id)))

    async def _trigger(self, name: FullyQualifiedEntityName) -> WhiskTrigger | None:
        try:
            return await self.repository.trigger(name.doc_id)
        except (NoDocument, Corrupted):
            return None

    # --- writing ---------------------------------------------------------------------------------

    async def put(
        self, user: Identity, namespace: str, name: str, request: Request, body: object, limited: LimitedPut
    ) -> Answer:
        """Creates a rule, active, or with `overwrite=true` updates it with its status kept."""
        overwrite = query.boolean(request, "overwrite")
        put = read_rule_put(body, limited, namespace)
        await self.entitlement.check(user, Privilege.READ, _referenced(put))
        try:
            old = await self.repository.rule(f"{namespace}/{name}")
        except NoDocument:
            rule = await self._create(put, namespace, name)
        else:
            if not overwrite:
                raise conflict(messages.ALREADY_EXISTS)
            rule = await self._update(put, old)
        saved = await self.repository.save(rule)
        status = status_in(await self._trigger(saved.trigger), saved.doc_id) if overwrite else Status.ACTIVE
        return json_answer(_shown(saved, status))

    async def _create(self, put: RulePut, namespace: str, name: str) -> WhiskRule:
        rule = make_rule(put, namespace, name)
        trigger = await self._existing(rule)
        await self.repository.save(linked(trigger, rule.doc_id, rule.action, Status.ACTIVE))
        return rule

    async def _update(self, put: RulePut, old: WhiskRule) -> WhiskRule:
        rule = update_rule(put, old)
        old_trigger = await self._trigger(old.trigger)
        status = status_in(old_trigger, rule.doc_id)
        trigger = await self._existing(rule)
        if old_trigger is not None and old_trigger.doc_id != trigger.doc_id:
            await self.repository.save(unlinked(old_trigger, rule.doc_id))
        await self.repository.save(linked(trigger, rule.doc_id, rule.action, status))
        return rule

    async def _existing(self, rule: WhiskRule) -> WhiskTrigger:
        """The rule's trigger. Rejection 400 if it or the action does not exist."""
        try:
            trigger = await self.repository.trigger(rule.trigger.doc_id)
        except NoDocument:
            raise bad_request(f"trigger /{rule.trigger.doc_id} does not exist") from None
        except NotInCollection:
            raise bad_request(messages.NOT_IN_COLLECTION) from None
        try:
            found = await self.repository.resolved_id(rule.action.path, rule.action.name)
            await self.repository.action(found)
        except NoDocument:
            raise bad_request(f"action /{rule.action.doc_id} does not exist") from None
        except NotInCollection:
            raise bad_request(messages.NOT_IN_COLLECTION) from None
        return trigger

    async def activate(self, user: Identity, namespace: str, name: str, request: Request) -> Answer:
        """Switches the rule on or off."""
        wanted = read_status(request.json())
        rule = await self.repository.rule(f"{namespace}/{name}")
        trigger = await self._trigger(rule.trigger)
        if wanted is status_in(trigger, rule.doc_id):
            return ok()
        if trigger is None:
            raise not_found(messages.RULE_WITHOUT_TRIGGER)
        await self.repository.save(linked(trigger, rule.doc_id, rule.action, wanted))
        return ok()

    async def delete(self, user: Identity, namespace: str, name: str, request: Request) -> Answer:
        """Deletes the rule and its link in the trigger."""
        rule = await self.repository.rule(f"{namespace}/{name}")
        trigger = await self._trigger(rule.trigger)
        if trigger is not None:
            await self.repository.save(unlinked(trigger, rule.doc_id))
        await self.repository.remove(rule)
        return json_answer(_shown(rule, Status.INACTIVE))


def _referenced(put: RulePut) -> list[Resource]:
    named = ((put.trigger, TRIGGERS), (put.action, ACTIONS))
    return [Resource(name.path, collection, name.name) for name, collection in named if name is not None]
