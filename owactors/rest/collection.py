"""What the collections of the API have in common: routing below `/namespaces/{ns}/{collection}`, access, lists.

(OpenWhisk, AuthorizedRouteDispatcher.scala, Entities.scala, ApiUtils.scala.)
"""

from __future__ import annotations

from attrs import define

from owactors.core.controller import messages
from owactors.core.controller.actionput import LimitedPut, read_limited
from owactors.core.controller.entitlement import Resource, right_of
from owactors.core.controller.limitcheck import check_sizes, max_payload_size
from owactors.core.controller.rejection import Rejection, bad_request, forbidden, not_found, too_large
from owactors.entity.identity import Identity, Privilege
from owactors.entity.names import NAME_MAX_LENGTH, is_entity_name
from owactors.rest import query
from owactors.rest.answer import Answer, json_answer
from owactors.rest.entitling import Entitlement
from owactors.rest.invoking import Runners
from owactors.rest.ports import Json, Services
from owactors.rest.repository import Repository
from owactors.rest.request import Request


@define
class Context:
    """What every handler works with."""

    services: Services
    repository: Repository
    entitlement: Entitlement
    runners: Runners


def no_route() -> Rejection:
    """404 for what is no place of the API."""
    return not_found(messages.ROUTE_NOT_FOUND)


def checked_name(segment: str) -> str:
    """A segment that must be an entity's name. Rejection 400; 404 for an empty one."""
    if is_entity_name(segment):
        return segment
    if not segment:
        raise no_route()
    if len(segment) > NAME_MAX_LENGTH:
        raise bad_request(messages.name_too_long("Name segement", len(segment), NAME_MAX_LENGTH))
    raise bad_request(messages.NAME_ILLEGAL)


def checked_namespace(segment: str, user: Identity) -> str:
    """A segment that must be a namespace; `_` is the user's own. Rejection 400."""
    if segment == "_":
        return user.namespace.name
    if is_entity_name(segment):
        return segment
    if len(segment) > NAME_MAX_LENGTH:
        raise bad_request(messages.name_too_long("Namespace", len(segment), NAME_MAX_LENGTH))
    raise bad_request(messages.NAMESPACE_ILLEGAL)


class Collection:
    """One collection. Subclasses say what reading, putting, activating, deleting and listing mean."""

    name: str
    verbs = frozenset({"GET", "PUT", "POST", "DELETE"})

    def __init__(self, context: Context) -> None:
        self.context = context
        self.services = context.services
        self.repository = context.repository
        self.entitlement = context.entitlement

    async def handle(self, user: Identity, namespace: str, rest: list[str], request: Request) -> Answer:
        """Answers a request; `rest` are the segments after the collection, [""] for a trailing slash."""
        if rest in ([], [""]):
            return await self._collection(user, namespace, request)
        if request.method not in self.verbs:
            raise no_route()
        name = checked_name(rest[0])
        if len(rest) > 1:
            raise no_route()
        resource = Resource(namespace, self.name, name)
        right = await self.authorize(user, request.method, resource)
        return await self.dispatch(user, right, resource, request)

    async def _collection(self, user: Identity, namespace: str, request: Request) -> Answer:
        if request.method != "GET":
            raise no_route()
        await self.authorize(user, "GET", Resource(namespace, self.name))
        return await self.list(user, namespace, request)

    async def authorize(self, user: Identity, method: str, resource: Resource) -> Privilege:
        """The right that the method needs and the user has. Rejection 403 or 404 names the resource."""
        right = right_of(method, resource)
        try:
            await self.entitlement.check(user, right, (resource,))
        except Rejection as refused:
            if refused.status == 403:
                raise forbidden(messages.not_authorized(resource.name)) from None
            if refused.status == 404:
                raise not_found(messages.does_not_exist(resource.name)) from None
            raise
        return right

    async def dispatch(self, user: Identity, right: Privilege, resource: Resource, request: Request) -> Answer:
        """Does what an authorized request asks for."""
        namespace, name = resource.namespace, resource.entity or ""
        if right is Privilege.ACTIVATE:
            self.check_payload_size(user, request)
            return await self.activate(user, namespace, name, request)
        if right is Privilege.READ:
            return await self.read(user, namespace, name, request)
        if right is Privilege.DELETE:
            return self._bare(await self.delete(user, namespace, name, request), 204)
        if right is not Privilege.PUT:
            raise no_route()
        body = request.json()
        limited = read_limited(body, self.services.manifest)
        system = self.services.settings.limits
        check_sizes(limited.exec, limited.parameters, limited.annotations, user.limits, system)
        return self._bare(await self.put(user, namespace, name, request, body, limited), 200)

    def _bare(self, answer: Answer, status: int) -> Answer:
        """The answer, without its body where bodies are not wanted."""
        return answer if self.services.settings.response_payload else Answer(status)

    def check_payload_size(self, user: Identity, request: Request) -> None:
        """Rejection 413 for a body beyond what the namespace may send to an action."""
        most = max_payload_size(user.limits, self.services.settings.limits).bytes
        if len(request.body) > most:
            raise too_large("Request", len(request.body), most)

    async def read(self, user: Identity, namespace: str, name: str, request: Request) -> Answer:
        """GET of one entity."""
        raise no_route()

    async def put(
        self, user: Identity, namespace: str, name: str, request: Request, body: object, limited: LimitedPut
    ) -> Answer:
        """PUT of one entity; `body` is the JSON value, of which `limited` was read already."""
        raise no_route()

    async def activate(self, user: Identity, namespace: str, name: str, request: Request) -> Answer:
        """POST to one entity."""
        raise no_route()

    async def delete(self, user: Identity, namespace: str, name: str, request: Request) -> Answer:
        """DELETE of one entity."""
        raise no_route()

    def view(self, user: Identity, namespace: str) -> str:
        """The view that lists come from."""
        return self.name

    def row(self, row: Json) -> Json:
        """A row of a list as it is shown."""
        return row

    async def list(self, user: Identity, namespace: str, request: Request) -> Answer:
        """GET of the collection: rows, or their number."""
        skip = query.list_skip(request, self.name)
        limit = query.list_limit(request, self.name, self.services.settings.limits)
        view = self.view(user, namespace)
        if query.boolean(request, "count"):
            return json_answer({self.name: await self.repository.count(view, namespace, skip)})
        rows = await self.repository.rows(view, namespace, skip, limit)
        return json_answer([self.row(row) for row in rows])
