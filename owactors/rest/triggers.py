"""Triggers: `/namespaces/{ns}/triggers…`. (OpenWhisk, Triggers.scala.)"""

from __future__ import annotations

from owactors.core.controller import messages
from owactors.core.controller.actionput import LimitedPut
from owactors.core.controller.entitlement import TRIGGERS
from owactors.core.controller.rejection import conflict
from owactors.core.controller.triggerput import make_trigger, read_trigger_put, update_trigger
from owactors.entity.identity import Identity
from owactors.message.store import NoDocument
from owactors.rest import query
from owactors.rest.answer import Answer, activation_header, json_answer
from owactors.rest.collection import Collection, Context
from owactors.rest.firing import Firing
from owactors.rest.request import Request


class Triggers(Collection):
    """Reads, creates, updates, deletes, lists and fires triggers."""

    name = TRIGGERS

    def __init__(self, context: Context, firing: Firing) -> None:
        super().__init__(context)
        self._firing = firing

    async def read(self, user: Identity, namespace: str, name: str, request: Request) -> Answer:
        """The trigger with its rules."""
        return json_answer((await self.repository.trigger(f"{namespace}/{name}")).to_json())

    async def put(
        self, user: Identity, namespace: str, name: str, request: Request, body: object, limited: LimitedPut
    ) -> Answer:
        """Creates a trigger or, with `overwrite=true`, updates it; its rules stay."""
        overwrite = query.boolean(request, "overwrite")
        put = read_trigger_put(body, limited)
        try:
            old = await self.repository.trigger(f"{namespace}/{name}")
        except NoDocument:
            trigger = make_trigger(put, namespace, name)
        else:
            if not overwrite:
                raise conflict(messages.ALREADY_EXISTS)
            trigger = update_trigger(put, old)
        return json_answer((await self.repository.save(trigger)).to_json())

    async def delete(self, user: Identity, namespace: str, name: str, request: Request) -> Answer:
        """Deletes the trigger; rules that name it stay and are inactive."""
        trigger = await self.repository.trigger(f"{namespace}/{name}")
        await self.repository.remove(trigger)
        return json_answer(trigger.to_json())

    async def activate(self, user: Identity, namespace: str, name: str, request: Request) -> Answer:
        """Fires the trigger: 202 with the id of its record, 204 if no rule is active."""
        payload = request.json_object()
        trigger = await self.repository.trigger(f"{namespace}/{name}")
        activation_id = await self._firing.fire(user, trigger, payload, request)
        if activation_id is None:
            return Answer(204)
        return json_answer({"activationId": activation_id}, 202, activation_header(activation_id))
