"""Answers requests to APIs: `/apis/{namespace}{base path}{path}` becomes a call of the web action behind it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import quote, unquote

from attrs import evolve

from owactors.core.controller.apigateway.matching import NoSuchPath, WrongMethod, match
from owactors.core.controller.rejection import Rejection, not_found
from owactors.rest.answer import Answer
from owactors.rest.apimanagement import PREFIX
from owactors.rest.apistore import ApiStore
from owactors.rest.request import Request

Web = Callable[[Request], Awaitable[Answer]]


def is_gateway_path(path: str) -> bool:
    """True for what the gateway answers."""
    return path.startswith(PREFIX + "/")


class Gateway:
    """`web` answers the request of a web action."""

    def __init__(self, store: ApiStore, web: Web) -> None:
        self._store = store
        self._web = web

    async def answer(self, request: Request) -> Answer:
        """Rejection 404 for an unknown path, 405 for a method it does not have."""
        namespace, _, path = request.path[len(PREFIX) + 1 :].partition("/")
        apis = await self._store.apis(unquote(namespace))
        matched = match(apis, request.method, unquote(f"/{path}"))
        if isinstance(matched, NoSuchPath):
            raise not_found()
        if isinstance(matched, WrongMethod):
            methods = ", ".join(matched.allowed)
            raise Rejection(405, f"HTTP method not allowed, supported methods: {methods}")
        headers = dict(request.headers)
        if matched.backend.secret is not None:
            headers[b"x-require-whisk-auth"] = matched.backend.secret.encode()
        target = quote(matched.backend.path + matched.rest)
        return await self._web(evolve(request, path=target, headers=headers))
