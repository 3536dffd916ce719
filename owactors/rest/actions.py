"""Actions: `/namespaces/{ns}/actions…`. (OpenWhisk, Actions.scala.)"""

from __future__ import annotations

from attrs import evolve

from owactors.core.controller import messages
from owactors.core.controller.actionput import (
    ActionPut,
    LimitedPut,
    check_supported,
    make_action,
    read_action_put,
    resolved_component,
    resolved_put,
    update_action,
)
from owactors.core.controller.arguments import check_overrides
from owactors.core.controller.entitlement import ACTIONS, PACKAGES, Resource, right_of
from owactors.core.controller.limitcheck import check_action_limits, check_instances
from owactors.core.controller.rejection import bad_request, conflict, forbidden
from owactors.core.controller.resolved import ResolvedAction
from owactors.core.controller.sequence import COMPONENT_NOT_FOUND
from owactors.core.controller.sequencerules import check_sequence
from owactors.entity.action import WhiskAction
from owactors.entity.activation import APPLICATION_ERROR, DEVELOPER_ERROR, SUCCESS, WhiskActivation
from owactors.entity.exec import SequenceExec
from owactors.entity.identity import Identity, Privilege
from owactors.entity.names import FullyQualifiedEntityName
from owactors.message.store import NoDocument
from owactors.rest import query
from owactors.rest.answer import Answer, activation_header, json_answer
from owactors.rest.collection import Collection, checked_name, no_route
from owactors.rest.invoking import Invocation, Invoked, Queued
from owactors.rest.records import shown_result
from owactors.rest.request import Request

_OUTCOME_STATUS = {SUCCESS: 200, APPLICATION_ERROR: 502, DEVELOPER_ERROR: 502}


def components_of(code: SequenceExec) -> tuple[Resource, ...]:
    """The actions a sequence refers to."""
    names = [FullyQualifiedEntityName.parse(component) for component in code.components]
    return tuple(Resource(name.path, ACTIONS, name.name) for name in names)


class Actions(Collection):
    """Reads, creates, updates, deletes, lists and invokes actions."""

    name = ACTIONS

    async def handle(self, user: Identity, namespace: str, rest: list[str], request: Request) -> Answer:
        """As Collection.handle, and one level deeper: `actions/{package}/` and `actions/{package}/{action}`."""
        if len(rest) < 2:
            return await super().handle(user, namespace, rest, request)
        if request.method not in self.verbs:
            raise no_route()
        package = checked_name(rest[0])
        if rest[1:] == [""]:
            if request.method != "GET":
                raise no_route()
            return await self._list_package(user, namespace, package, request)
        name = checked_name(rest[1])
        if len(rest) > 2:
            raise no_route()
        return await self._in_package(user, Resource(f"{namespace}/{package}", ACTIONS, name), request)

    async def _in_package(self, user: Identity, resource: Resource, request: Request) -> Answer:
        right = right_of(request.method, resource)
        await self.entitlement.check(user, right, (resource,))
        package = await self.repository.package(resource.namespace)
        if right in (Privilege.PUT, Privilege.DELETE) and package.binding is not None:
            raise bad_request(messages.NOT_ON_BINDING)
        return await self.dispatch(user, right, resource, request)

    async def _list_package(self, user: Identity, namespace: str, name: str, request: Request) -> Answer:
        resource = Resource(namespace, PACKAGES, name)
        await self.entitlement.check(user, Privilege.READ, (resource,))
        package = await self.repository.package(f"{namespace}/{name}")
        path = package.doc_id if package.binding is None else package.binding.doc_id
        return await self.list(user, path, request)

    # --- reading ---------------------------------------------------------------------------------

    async def read(self, user: Identity, namespace: str, name: str, request: Request) -> Answer:
        """The action with the parameters of package and binding merged in; `code=false` leaves the code out."""
        with_code = query.boolean(request, "code", default=True)
        await self._check_readable(user, namespace, name)
        resolved = await self.repository.resolve(namespace, name)
        shown = resolved.action.to_json()
        if with_code:
            whole = await self.repository.action_with_code(resolved.action.doc_id)
            shown = evolve(whole, parameters=resolved.action.parameters).to_json()
        else:
            shown["exec"] = {key: value for key, value in shown["exec"].items() if key != "code"}
        return json_answer(shown)

    async def _check_readable(self, user: Identity, namespace: str, name: str) -> None:
        """With shared packages being execute-only, nobody reads what belongs to another namespace."""
        if not self.services.settings.execute_only_shared_packages:
            return
        root = namespace.partition("/")[0]
        if root != user.namespace.name:
            raise forbidden(messages.forbidden_get_action(namespace))
        if "/" in namespace:
            provider, _ = await self.repository.provider_of(namespace)
            if provider.namespace != root:
                raise forbidden(messages.forbidden_get_action_binding(f"{namespace}/{name}"))

    # --- writing ---------------------------------------------------------------------------------

    async def put(
        self, user: Identity, namespace: str, name: str, request: Request, body: object, limited: LimitedPut
    ) -> Answer:
        """Creates an action or, with `overwrite=true`, updates it."""
        overwrite = query.boolean(request, "overwrite")
        put = resolved_put(read_action_put(body, limited), user.namespace.name)
        system = self.services.settings.limits
        check_action_limits(put.limits or {}, user.limits, system.bounds)
        if isinstance(put.exec, SequenceExec):
            await self.entitlement.check(user, Privilege.READ, components_of(put.exec), throttle=False)
        if put.exec is not None:
            self.entitlement.check_kind(user, put.exec.kind)
        try:
            old = await self.repository.action_with_code(f"{namespace}/{name}")
        except NoDocument:
            action = await self._made(user, put, namespace, name)
        else:
            if not overwrite:
                raise conflict(messages.ALREADY_EXISTS)
            action = await self._updated(user, put, old)
        return json_answer((await self.repository.save(action)).to_json())

    async def _made(self, user: Identity, put: ActionPut, namespace: str, name: str) -> WhiskAction:
        await self._check_put(user, put, f"{namespace}/{name}")
        settings = self.services.settings
        return make_action(put, namespace, name, settings.limits.bounds, settings.api_key_annotation)

    async def _updated(self, user: Identity, put: ActionPut, old: WhiskAction) -> WhiskAction:
        await self._check_put(user, put, old.doc_id)
        if put.exec is None:
            check_supported(old.exec, self.services.manifest)
        return update_action(put, old)

    async def _check_put(self, user: Identity, put: ActionPut, doc_id: str) -> None:
        check_instances(put.limits, user.limits, self.services.settings.limits)
        if isinstance(put.exec, SequenceExec):
            await self._check_sequence(FullyQualifiedEntityName.parse(doc_id), put.exec.components)
        elif put.exec is not None:
            check_supported(put.exec, self.services.manifest)

    async def _check_sequence(self, name: FullyQualifiedEntityName, components: tuple[str, ...]) -> None:
        """Rejection 400 for a sequence that may not be: too long, empty, cyclic, of what does not exist."""
        checking = check_sequence(name, components, self.services.settings.limits.sequence_length)
        try:
            wanted = next(checking)
            while True:
                wanted = checking.send(await self._component(wanted))
        except StopIteration:
            return

    async def _component(self, wanted: FullyQualifiedEntityName) -> tuple[FullyQualifiedEntityName, WhiskAction | None]:
        try:
            found = await self.repository.resolved_id(wanted.path, wanted.name)
        except NoDocument:
            raise bad_request(COMPONENT_NOT_FOUND) from None
        name = FullyQualifiedEntityName.parse(found)
        try:
            return name, await self.repository.action(found)
        except NoDocument:
            return name, None

    async def delete(self, user: Identity, namespace: str, name: str, request: Request) -> Answer:
        """Deletes the action and answers what it was."""
        action = await self.repository.action_with_code(f"{namespace}/{name}")
        await self.repository.remove(action)
        return json_answer(action.to_json())

    # --- invoking --------------------------------------------------------------------------------

    async def activate(self, user: Identity, namespace: str, name: str, request: Request) -> Answer:
        """Invokes the action; what comes back depends on `blocking`, `result` and `timeout`."""
        blocking, bare, wait = False, False, self.services.settings.blocking_wait
        if request.query_string:
            blocking = query.boolean(request, "blocking")
            bare = query.boolean(request, "result")
            wait = query.wait_seconds(request, wait)
        payload = request.json_object()
        resolved = await self.repository.resolve(namespace, name)
        resolved = await self.ready(user, resolved)
        check_overrides(resolved.immutable, payload)
        invoked = await self.context.runners.run(
            Invocation(user, resolved, payload, wait if blocking else None, request.transid)
        )
        return outcome(invoked, bare)

    async def ready(self, user: Identity, resolved: ResolvedAction) -> ResolvedAction:
        """Checks what only invoking asks for: access to a sequence's components, and a kind still supported."""
        action = resolved.action
        if not isinstance(action.exec, SequenceExec):
            check_supported(action.exec, self.services.manifest)
            return resolved
        own = user.namespace.name
        code = SequenceExec(tuple(resolved_component(name, own) for name in action.exec.components))
        await self.entitlement.check(user, Privilege.ACTIVATE, components_of(code), throttle=False)
        if code == action.exec:
            return resolved
        return evolve(resolved, action=evolve(action, exec=code))

    async def fire(self, user: Identity, path: str, payload: dict[str, object], request: Request) -> Invoked:
        """Invokes, for a trigger, the action at "ns/name" or "ns/pkg/name" as a POST without query would."""
        namespace, _, name = path.rpartition("/")
        resource = Resource(namespace, ACTIONS, name)
        if "/" in namespace:
            await self.entitlement.check(user, Privilege.ACTIVATE, (resource,))
        else:
            await self.authorize(user, "POST", resource)
        resolved = await self.ready(user, await self.repository.resolve(namespace, name))
        check_overrides(resolved.immutable, payload)
        return await self.context.runners.run(Invocation(user, resolved, payload, None, request.transid))


def outcome(invoked: Invoked, bare: bool) -> Answer:
    """The answer: 202 with the id, or the record, or with `bare` (and always for arrays) the result."""
    if isinstance(invoked, Queued):
        header = activation_header(invoked.activation_id)
        return json_answer({"activationId": invoked.activation_id}, 202, header)
    return _finished(invoked, bare)


def _finished(activation: WhiskActivation, bare: bool) -> Answer:
    response = activation.response
    status = _OUTCOME_STATUS.get(response.status_code, 500)
    header = activation_header(activation.activation_id)
    if isinstance(response.result, list):
        return json_answer(response.result, status, header)
    if bare:
        return json_answer({} if response.result is None else response.result, status, header)
    return json_answer(shown_result(activation), status, header)
