"""The tree below `/api/v1`: authentication, then the collections, then web actions. (OpenWhisk, RestAPIs.scala.)"""

from __future__ import annotations

from typing import Protocol

from owactors.core.controller.rejection import Rejection
from owactors.entity.identity import Identity
from owactors.rest import swagger
from owactors.rest.actions import Actions
from owactors.rest.activations import Activations
from owactors.rest.answer import CHALLENGE, REST_CORS, Answer, json_answer, ok
from owactors.rest.apimanagement import ApiManagement
from owactors.rest.apistore import ApiStore
from owactors.rest.authentication import Authentication
from owactors.rest.collection import Collection, Context, checked_namespace, no_route
from owactors.rest.entitling import Entitlement
from owactors.rest.firing import Firing
from owactors.rest.invoking import PrimitiveRunner, Runners
from owactors.rest.limits import Limits
from owactors.rest.packages import Packages
from owactors.rest.ports import Services
from owactors.rest.repository import STORE_ERRORS, Repository, refusal_of
from owactors.rest.request import Request
from owactors.rest.rules import Rules
from owactors.rest.sequencing import ChainRunner
from owactors.rest.telling import Telling
from owactors.rest.triggers import Triggers
from owactors.rest.web import WebActions

PREFIX = ("api", "v1")


class WebHandler(Protocol):
    """Answers `/api/v1/web/{namespace}/{package or default}/{name…}`."""

    async def handle(self, request: Request, rest: list[str], user: Identity | None) -> Answer:
        """`rest` are the segments after `web`; `user` is None for callers without valid credentials.

        Rejection, or a store's error, is answered as elsewhere. CORS headers are the handler's own business.
        """


class Api:
    """Answers everything below the prefix."""

    def __init__(self, services: Services, telling: Telling | None = None) -> None:
        self.services = services
        self.repository = Repository(services)
        self.authentication = Authentication(services)
        self.entitlement = Entitlement(services, self.repository)
        primitive = PrimitiveRunner(services)
        self.chains = ChainRunner(services, self.repository, self.entitlement, primitive)
        self.runners = Runners(primitive, self.chains, self.chains)
        self.context = Context(services, self.repository, self.entitlement, self.runners)
        self.apis = ApiStore(services)
        actions = Actions(self.context)
        self.web: WebHandler = WebActions(self.context, self.authentication, actions.ready, ApiManagement(self.apis))
        self.firing = Firing(services, actions.fire)
        collections: list[Collection] = [
            actions,
            Triggers(self.context, self.firing),
            Rules(self.context),
            Activations(self.context, telling),
            Packages(self.context),
            Limits(self.context),
        ]
        self._collections = {collection.name: collection for collection in collections}

    async def answer(self, request: Request, segments: list[str]) -> Answer:
        """`segments` are those after the prefix. Rejection, with a challenge for 401, is answered by the caller."""
        if segments[:1] == ["web"] and len(segments) > 1:
            return await self._web(request, segments[1:])
        if request.method == "OPTIONS":
            return ok().with_headers(REST_CORS)
        if segments in ([], [""]) and request.method == "GET":
            return json_answer(self._info(), headers=REST_CORS)
        if request.method == "GET" and segments == ["docs"]:
            return swagger.user_interface("/api/v1/api-docs").with_headers(REST_CORS)
        if request.method == "GET" and segments in (["api-docs"], ["api-docs", ""]):
            return json_answer(swagger.api_document(), headers=REST_CORS)
        user = await self.authentication.identify(request.headers.get(b"authorization"))
        return (await self._routed(user, segments, request)).with_headers(REST_CORS)

    async def _web(self, request: Request, rest: list[str]) -> Answer:
        user: Identity | None = None
        header = request.headers.get(b"authorization")
        if header is not None:
            try:
                user = await self.authentication.identify(header)
            except Rejection as refused:
                if refused.status != 401:
                    raise
        try:
            return await self.web.handle(request, rest, user)
        except STORE_ERRORS as error:
            raise refusal_of(error) from error

    async def _routed(self, user: Identity, segments: list[str], request: Request) -> Answer:
        if segments[:1] != ["namespaces"]:
            raise no_route()
        if segments[1:] in ([], [""]):
            if request.method != "GET":
                raise no_route()
            return json_answer([user.namespace.name])
        collection = self._collections.get(segments[2]) if len(segments) > 2 and segments[1] else None
        if collection is None:
            raise no_route()
        namespace = checked_namespace(segments[1], user)
        try:
            return await collection.handle(user, namespace, segments[3:], request)
        except STORE_ERRORS as error:
            raise refusal_of(error) from error

    def _info(self) -> dict[str, object]:
        settings = self.services.settings
        return {
            "description": "OpenWhisk API",
            "api_version": "1.0.0",
            "api_version_path": "v1",
            "build": settings.build,
            "buildno": settings.build_number,
            "swagger_paths": {"ui": "/docs", "api-docs": "/api-docs"},
        }


def refusal_headers(rejection: Rejection) -> tuple[tuple[bytes, bytes], ...]:
    """Headers of a refusal below the prefix."""
    return (*REST_CORS, *CHALLENGE) if rejection.status == 401 else REST_CORS
