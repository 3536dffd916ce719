"""Carries out the checks of owactors.core.controller.entitlement: fetches the packages they ask for."""

from __future__ import annotations

from collections.abc import Iterable

from owactors.core.controller import messages
from owactors.core.controller.entitlement import (
    ABSENT,
    ACTIONS,
    NOT_A_PACKAGE,
    TRIGGERS,
    Found,
    Resource,
    check,
    check_kind,
    needs_no_package,
)
from owactors.core.controller.rejection import Rejection
from owactors.entity.identity import Identity, Privilege
from owactors.message.event import MetricEvent
from owactors.message.store import NoDocument
from owactors.rest.ports import Services
from owactors.rest.repository import Corrupted, NotInCollection, Repository

#: what is told of the throttles (OpenWhisk, Entitlement.scala)
INVOCATIONS, CONCURRENT, TIMED = "ConcurrentInvocations", "ConcurrentRateLimit", "TimedRateLimit"


class Entitlement:
    """Decides on access, and charges the throttles before it does."""

    def __init__(self, services: Services, repository: Repository) -> None:
        self._services = services
        self._repository = repository

    async def check(
        self, user: Identity, right: Privilege, resources: Iterable[Resource], throttle: bool = True
    ) -> None:
        """Rejection 403 names what is refused; 429 when a throttle is exceeded, which is looked at first."""
        asked = tuple(resources)
        if throttle and right is Privilege.ACTIVATE and right in user.rights:
            self._throttle(user, asked)
        for resource in asked:
            if not needs_no_package(user, right, resource):
                break
        else:
            return
        checking = check(user, right, asked, self._services.grants)
        try:
            wanted = next(checking)
            while True:
                wanted = checking.send(await self._found(wanted, user))
        except StopIteration:
            return

    async def _found(self, doc_id: str, user: Identity) -> Found:
        try:
            return await self._repository.package(doc_id)
        except NoDocument:
            return ABSENT
        except NotInCollection:
            return NOT_A_PACKAGE
        except Corrupted:
            if doc_id.partition("/")[0] == user.namespace.name:
                raise Rejection(500, messages.CORRUPTED) from None
            return ABSENT

    def _throttle(self, user: Identity, resources: tuple[Resource, ...]) -> None:
        collections = [resource.collection for resource in resources]
        if ACTIONS in collections:
            self.charge_invocation(user)
        elif TRIGGERS in collections:
            try:
                self._services.throttles.charge_fire(user, self._services.now())
            except Rejection:
                self._tell(user, TIMED)
                raise

    def charge_invocation(self, user: Identity) -> None:
        """Counts an invocation and looks at what is in flight. Rejection 429."""
        services = self._services
        limit = TIMED
        try:
            services.throttles.charge_invocation(user, services.now())
            in_flight, limit = services.publisher.in_flight(user.namespace.uuid), CONCURRENT
            services.throttles.check_in_flight(user, in_flight)
        except Rejection:
            self._tell(user, limit)
            raise
        if services.event is not None:
            services.event(user, MetricEvent(INVOCATIONS, in_flight + 1))

    def _tell(self, user: Identity, limit: str) -> None:
        """Somebody may count the refusals."""
        if self._services.event is not None:
            self._services.event(user, MetricEvent(limit, 1))

    def check_kind(self, user: Identity, kind: str) -> None:
        """Rejection 403 for a kind the namespace may not use."""
        check_kind(user, kind, self._services.settings.kinds_whitelist)
