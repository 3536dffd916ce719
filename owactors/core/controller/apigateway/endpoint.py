"""One operation of an API as a client describes it (OpenWhisk, routemgmt's createApi)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from owactors.core.controller.rejection import Rejection, bad_request
from owactors.entity.names import is_entity_name

METHODS = frozenset(("get", "put", "post", "delete", "patch", "head", "options"))
RESPONSE_TYPES = frozenset(("http", "json", "text", "html", "svg"))
_WEB = "/api/v1/web/"
_EXTENSION = re.compile(r"\.(http|json|text|html|svg)\Z")
_FIELDS = ("gatewayBasePath", "gatewayPath", "gatewayMethod")
_ACTION_FIELDS = ("name", "namespace", "backendUrl")


def creation_failed(why: str) -> Rejection:
    """400 in the words of createApi."""
    return bad_request(f"API creation failure: {why}")


@frozen
class Backend:
    """The web action behind an operation. `package` is "default" for none; `secret` its `require-whisk-auth`."""

    namespace: str
    package: str
    action: str
    response_type: str
    secret: str | None = None

    @property
    def path(self) -> str:
        """Where the web action answers."""
        return f"{_WEB}{self.namespace}/{self.package}/{self.action}.{self.response_type}"


@frozen
class Endpoint:
    """`method` (lower case) on `base_path` + `path` calls `backend`; `origin` is the server as the client knows it."""

    base_path: str
    path: str
    method: str
    backend: Backend
    title: str | None = None
    origin: str = ""
    parameters: tuple[Mapping[str, Any], ...] = ()

    @property
    def operation_id(self) -> str:
        """What ties the operation to its assembly."""
        return f"{self.method}-{self.path}"


def read_endpoint(apidoc: Mapping[str, Any], response_type: str, caller: str) -> Endpoint:
    """Read the `apidoc` of createApi; `_` is the namespace `caller`. Rejection 400."""
    for name in _FIELDS:
        if not isinstance(apidoc.get(name), str):
            raise creation_failed(f"apidoc is missing the {name} field")
    method = apidoc["gatewayMethod"].lower()
    if method not in METHODS:
        raise creation_failed(f"'{apidoc['gatewayMethod']}' is not a method")
    origin, backend = _backend(apidoc.get("action"), response_type, caller)
    title, parameters = apidoc.get("apiName"), apidoc.get("pathParameters")
    return Endpoint(
        base_path=normal_path(apidoc["gatewayBasePath"]),
        path=normal_path(apidoc["gatewayPath"]),
        method=method,
        backend=backend,
        title=title if isinstance(title, str) and title else None,
        origin=origin,
        parameters=tuple(p for p in parameters or () if isinstance(p, dict)) if isinstance(parameters, list) else (),
    )


def normal_path(path: str) -> str:
    """With a leading slash and none at the end."""
    return "/" + path.strip("/")


def _backend(action: Any, response_type: str, caller: str) -> tuple[str, Backend]:
    if not isinstance(action, Mapping):
        raise creation_failed("apidoc is missing the action field")
    for name in _ACTION_FIELDS:
        if not isinstance(action.get(name), str):
            raise creation_failed(f"action is missing the {name} field")
    secret = action.get("secureKey")
    return read_backend(action["backendUrl"], response_type, caller, None if secret is None else str(secret))


def read_backend(url: str, response_type: str | None, caller: str, secret: str | None = None) -> tuple[str, Backend]:
    """Origin and web action of a URL; its extension counts where no response type is given. Rejection 400."""
    origin, web, place = url.partition(_WEB)
    names = place.split("/")
    if not web or len(names) != 3:
        raise creation_failed(f"'{url}' is not the URL of a web action")
    found = _EXTENSION.search(names[2])
    action = names[2] if found is None else names[2][: found.start()]
    namespace = caller if names[0] == "_" else names[0]
    if not all(is_entity_name(name) for name in (namespace, names[1], action)):
        raise creation_failed(f"'{url}' is not the URL of a web action")
    response_type = response_type or (found[1] if found else "http")
    if response_type not in RESPONSE_TYPES:
        raise creation_failed(f"'{response_type}' is not one of {', '.join(sorted(RESPONSE_TYPES))}")
    return origin, Backend(namespace, names[1], action, response_type, secret)
