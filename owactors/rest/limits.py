"""The limits of a namespace: `/namespaces/{ns}/limits`. (OpenWhisk, Limits.scala.)"""

from __future__ import annotations

from owactors.core.controller import messages
from owactors.core.controller.entitlement import LIMITS
from owactors.core.controller.limitcheck import effective_limits
from owactors.core.controller.rejection import bad_request
from owactors.entity.identity import Identity
from owactors.rest.answer import Answer, json_answer
from owactors.rest.collection import Collection, no_route
from owactors.rest.request import Request


class Limits(Collection):
    """Shows the limits in force; they are set by an administrator."""

    name = LIMITS
    verbs = frozenset({"GET"})

    async def handle(self, user: Identity, namespace: str, rest: list[str], request: Request) -> Answer:
        """As Collection.handle; there is nothing below."""
        if rest in ([], [""]):
            return await super().handle(user, namespace, rest, request)
        if request.method not in self.verbs:
            raise no_route()
        raise bad_request(messages.LIMITS_HAVE_NO_PARTS)

    async def list(self, user: Identity, namespace: str, request: Request) -> Answer:
        """The effective limits."""
        return json_answer(effective_limits(user.limits, self.services.settings.limits))
