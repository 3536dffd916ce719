"""What `wsk api` and the SDK's `routes` call: createApi, getApi and deleteApi of the package apimgmt.

They are answered by this server, in the form of OpenWhisk's actions of these names (core/routemgmt), unless
somebody has installed a package /whisk.system/apimgmt.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from owactors.core.controller.apigateway.endpoint import creation_failed, normal_path, read_endpoint
from owactors.core.controller.apigateway.swagger import (
    Swagger,
    new_api,
    read_swagger,
    with_endpoint,
    without_operation,
)
from owactors.core.controller.rejection import Rejection, bad_request
from owactors.core.controller.webaction.prettyjson import pretty
from owactors.entity.identity import Identity
from owactors.rest.answer import JSON_TYPE, Answer
from owactors.rest.apistore import Apis, ApiStore
from owactors.rest.collection import no_route
from owactors.rest.request import Request

PACKAGE = "whisk.system/apimgmt"
PREFIX = "/apis"
_NO_KEY = "A valid auth key is required."


class ApiManagement:
    """Answers the three calls for the namespace of the caller."""

    def __init__(self, store: ApiStore) -> None:
        self._store = store
        self._calls = {
            ("createApi", "POST"): self._create,
            ("getApi", "GET"): self._get,
            ("deleteApi", "DELETE"): self._delete,
        }

    async def handle(self, action: str, user: Identity | None, request: Request) -> Answer:
        """Rejection 400 or 401 in the words of the original, 404 (no route) for another name or method."""
        call = self._calls.get((action, request.method))
        if call is None:
            raise no_route()
        if user is None:
            raise Rejection(401, _NO_KEY)
        return Answer(200, pretty(await call(user.namespace.name, request)).encode(), JSON_TYPE)

    async def _create(self, namespace: str, request: Request) -> Any:
        apidoc = _apidoc(request)
        if "swagger" in apidoc:
            made = read_swagger(_object(apidoc["swagger"], "swagger"), namespace)
            base_path = made["basePath"]
            apis = await self._store.change(namespace, lambda apis: {**apis, base_path: made})
        else:
            endpoint = read_endpoint(apidoc, request.query("responsetype") or "json", namespace)
            base_path = endpoint.base_path

            def added(apis: Apis) -> Apis:
                api = apis.get(base_path) or new_api(base_path, endpoint.title)
                return {**apis, base_path: with_endpoint(api, endpoint)}

            apis = await self._store.change(namespace, added)
        return _shown(apis[base_path], namespace, request)["value"]

    async def _get(self, namespace: str, request: Request) -> Any:
        apis = _chosen(await self._store.apis(namespace), request.query("basepath"))
        return {"apis": [_shown(api, namespace, request) for _, api in sorted(apis.items())]}

    async def _delete(self, namespace: str, request: Request) -> Any:
        named = request.query("basepath")
        if not named:
            raise bad_request("API deletion failure: basepath is required.")
        path, method = request.query("relpath"), request.query("operation")

        def removed(apis: Apis) -> Apis:
            gone = _chosen(apis, named)
            if not gone:
                raise bad_request(f"API deletion failure: API '{named}' does not exist")
            kept = {base: api for base, api in apis.items() if base not in gone}
            if path:
                kept |= _less(gone, normal_path(path), method.lower() if method else None)
            return kept

        await self._store.change(namespace, removed)
        return {}


def _less(apis: Apis, path: str, method: str | None) -> Apis:
    """The APIs without an operation; one that has none left goes."""
    if not any(path in api["paths"] and method in (None, *api["paths"][path]) for api in apis.values()):
        raise bad_request(f"API deletion failure: API path '{path}' does not exist")
    less = {base: without_operation(api, path, method) for base, api in apis.items()}
    return {base: api for base, api in less.items() if api["paths"]}


def _chosen(apis: Apis, named: str | None) -> Apis:
    """The API with that base path or title; all if none is named."""
    if not named:
        return apis
    return {base: api for base, api in apis.items() if named == base or named == api["info"].get("title")}


def _apidoc(request: Request) -> Mapping[str, Any]:
    body = request.json_object()
    if "apidoc" not in body:
        raise creation_failed("apidoc is required.")
    return _object(body["apidoc"], "apidoc")


def _object(value: Any, name: str) -> Mapping[str, Any]:
    """An object, or a text that holds one."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise creation_failed(f"{name} field cannot be parsed. Ensure it is valid JSON.") from None
    if not isinstance(value, Mapping):
        raise creation_failed(f"{name} field should be a JSON object or a JSON string.")
    return value


def _shown(api: Swagger, namespace: str, request: Request) -> dict[str, Any]:
    scheme = request.header(b"x-forwarded-proto") or "http"
    host = request.header(b"host") or "localhost"
    value = {
        "namespace": namespace,
        "gwApiActivated": True,
        "tenantId": namespace,
        "gwApiUrl": f"{scheme}://{host}{PREFIX}/{quote(namespace)}{api['basePath'].rstrip('/')}",
        "apidoc": api,
    }
    return {"id": f"API:{namespace}:{api['basePath']}", "key": api["basePath"], "value": value}
