"""Web actions: `/web/{ns}/{pkg|default}/{name}[.ext][/rest]`. (OpenWhisk, WebActions.scala.)

The action runs as its owner, who is charged for it. Credentials are not needed and bad ones are no error: the
caller is then nobody, which only matters where an action asks for authentication.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from attrs import frozen

from owactors.core.controller import messages
from owactors.core.controller.entitlement import ACTIONS, Resource
from owactors.core.controller.limitcheck import max_payload_size
from owactors.core.controller.rejection import Rejection, bad_request, malformed, not_found, too_large
from owactors.core.controller.resolved import ResolvedAction
from owactors.core.controller.webaction.answer import (
    NOT_READY,
    PARAMETERS_NOT_ALLOWED,
    UNAUTHORIZED,
    WebAnswer,
    WebRefusal,
)
from owactors.core.controller.webaction.cors import cors_headers, with_defaults
from owactors.core.controller.webaction.extension import WebTarget, web_target
from owactors.core.controller.webaction.policy import AnswerOptions, Unauthorized, WebPolicy
from owactors.core.controller.webaction.prettyjson import pretty
from owactors.core.controller.webaction.request import MalformedBody, WebRequest, not_allowed, web_arguments
from owactors.core.controller.webaction.transcode import negotiated, web_answer
from owactors.entity.activation import WhiskActivation
from owactors.entity.identity import Identity, Privilege
from owactors.entity.names import is_entity_name
from owactors.rest import spray_json
from owactors.rest.answer import JSON_TYPE, Answer, Headers, activation_header, error_body
from owactors.rest.apimanagement import PACKAGE, ApiManagement
from owactors.rest.authentication import Authentication
from owactors.rest.collection import Context, no_route
from owactors.rest.invoking import Invocation, Invoked, Queued
from owactors.rest.repository import STORE_ERRORS
from owactors.rest.request import Request

VERBS = frozenset(("GET", "DELETE", "POST", "PUT", "HEAD", "OPTIONS", "PATCH"))
_DEFAULT_PACKAGE = "default"

Pairs = tuple[tuple[str, str], ...]
Ready = Callable[[Identity, ResolvedAction], Awaitable[ResolvedAction]]
"""Checks what only invoking asks for: access to a sequence's components, a kind that is still supported."""


@frozen
class WebPath:
    """Where a web request goes: `path` is "ns" or "ns/pkg", `rest` what follows the action, as it was sent."""

    namespace: str
    path: str
    target: WebTarget
    rest: str


@frozen
class _Call:
    """A web request that found its action. `user` is who calls, if known; `cors` go on every answer."""

    place: WebPath
    owner: Identity
    resolved: ResolvedAction
    policy: WebPolicy
    user: Identity | None
    cors: Pairs


def web_path(segments: list[str], raw_path: str) -> WebPath | None:
    """Read the segments after "/web/"; None if they name no action."""
    if len(segments) < 3:
        return None
    namespace, package, segment = segments[:3]
    target = web_target(segment)
    if not all(is_entity_name(name) for name in (namespace, package, target.name)):
        return None
    path = namespace if package == _DEFAULT_PACKAGE else f"{namespace}/{package}"
    rest = raw_path.split("/")[-(len(segments) - 3) :] if len(segments) > 3 else []
    return WebPath(namespace, path, target, "".join(f"/{part}" for part in rest))


class WebActions:
    """Answers web requests. `ready` is what Actions does before it invokes.

    `management` answers for the package apimgmt where nobody has installed it.
    """

    def __init__(
        self, context: Context, authentication: Authentication, ready: Ready, management: ApiManagement | None = None
    ) -> None:
        self._context = context
        self._management = management
        self._authentication = authentication
        self._ready = ready

    async def handle(self, request: Request, rest: list[str], user: Identity | None) -> Answer:
        """Answers a request for "/web/" and the segments `rest`; `user` is who calls, if known.

        Rejection if that names no action: as for any unknown path, 404, or 401 for those who are nobody.
        """
        place = web_path(rest, request.path)
        if place is None or request.method not in VERBS:
            raise _no_action(user, request)
        cors: Pairs = ()
        try:
            try:
                owner, resolved = await self._found(place)
            except Rejection:
                if self._management is None or place.path != PACKAGE:
                    raise
                return await self._management.handle(place.target.name, user, request)
            policy = _exported(resolved)
            if policy.default_cors:
                cors = cors_headers(request.header(b"access-control-request-headers"))
            return await self._admitted(_Call(place, owner, resolved, policy, user, cors), request)
        except Rejection as refused:
            return _refused(refused, request, cors)

    async def _found(self, place: WebPath) -> tuple[Identity, ResolvedAction]:
        """The namespace's owner and the action. Rejection 404."""
        owner = await self._authentication.owner_of(place.namespace)
        if owner is None:
            raise not_found()
        try:
            return owner, await self._context.repository.resolve(place.path, place.target.name)
        except STORE_ERRORS:
            raise not_found() from None

    async def _admitted(self, call: _Call, request: Request) -> Answer:
        resource = Resource(call.place.path, ACTIONS, call.place.target.name)
        await self._context.entitlement.check(call.owner, Privilege.ACTIVATE, (resource,))
        self._check_size(call.owner, request)
        web = _web_request(request, call.place)
        admission = call.policy.admit(request.method, web.header_map(), call.user is not None)
        if isinstance(admission, Unauthorized):
            raise Rejection(401, UNAUTHORIZED)
        if isinstance(admission, AnswerOptions):
            return Answer(200, headers=_encoded(call.cors))
        return _answer(await self._invoke(call, web, request), call, request)

    def _check_size(self, owner: Identity, request: Request) -> None:
        most = max_payload_size(owner.limits, self._context.services.settings.limits).bytes
        if len(request.body) > most:
            raise too_large("Request", len(request.body), most)

    async def _invoke(self, call: _Call, web: WebRequest, request: Request) -> Invoked:
        payload = _payload(web, call)
        ready = await self._ready(call.owner, call.resolved)
        wait = self._context.services.settings.blocking_wait
        return await self._context.runners.run(Invocation(call.owner, ready, payload, wait, request.transid))


def _no_action(user: Identity | None, request: Request) -> Rejection:
    if user is not None:
        return no_route()
    given = b"authorization" in request.headers
    return Rejection(401, messages.CREDENTIALS_INVALID if given else messages.CREDENTIALS_MISSING)


def _answer(invoked: Invoked, call: _Call, request: Request) -> Answer:
    if isinstance(invoked, Queued):
        return _refused(Rejection(202, NOT_READY, invoked.activation_id), request, call.cors)
    accept = request.header(b"accept")
    written = negotiated(_written(invoked, call.place.target), () if accept is None else (accept,))
    if isinstance(written, WebRefusal):
        refused = Rejection(written.status, written.message, invoked.activation_id)
        return _refused(refused, request, call.cors)
    headers = _encoded(with_defaults(written.headers, call.cors)) + activation_header(invoked.activation_id)
    media = None if written.media is None else written.media.as_header.encode()
    return Answer(written.status, written.body, media, headers)


def _exported(resolved: ResolvedAction) -> WebPolicy:
    """What the annotations say. Rejection 404 for an action that is none of the web's business."""
    policy = WebPolicy.from_annotations(resolved.action.annotations.values)
    if not policy.exported:
        raise not_found()
    return policy


def _web_request(request: Request, place: WebPath) -> WebRequest:
    return WebRequest(
        method=request.method,
        path=place.rest,
        query=request.query_string.decode("latin-1"),
        headers=tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.items()),
        body=request.body,
    )


def _payload(web: WebRequest, call: _Call) -> dict[str, object]:
    """The action's payload. Rejection 400 for a body that cannot be read and for names that may not be set."""
    user = None if call.user is None else call.user.namespace.name
    raw = call.policy.raw
    try:
        arguments = web_arguments(web, user, raw, spray_json.parse)
    except MalformedBody as error:
        raise malformed(str(error)) from None
    if not raw and not_allowed(arguments, call.resolved.immutable):
        raise bad_request(PARAMETERS_NOT_ALLOWED)
    return arguments.payload(raw)


def _written(activation: WhiskActivation, target: WebTarget) -> WebAnswer | WebRefusal:
    response = activation.response
    result = {} if response.result is None else response.result
    return web_answer(target.extension, response.status_code, result)


def _refused(refused: Rejection, request: Request, cors: Pairs) -> Answer:
    """An error in the form web actions have: JSON with a line for each member."""
    headers = _encoded(cors)
    if refused.activation_id is not None:
        headers += activation_header(refused.activation_id)
    body = pretty(error_body(refused.status, refused.text, request.transid.id)).encode()
    return Answer(refused.status, body, JSON_TYPE, headers)


def _encoded(headers: Pairs) -> Headers:
    return tuple((name.lower().encode("latin-1"), _header_value(value)) for name, value in headers)


def _header_value(value: str) -> bytes:
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        return value.encode()
