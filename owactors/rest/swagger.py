"""Descriptions of the API in Swagger 2.0, for tools that read them, and the way to a page that shows them."""

from __future__ import annotations

from functools import cache
from typing import Any

from owactors.rest.answer import Answer

_VERSION = "0.1.0"
_NAMES = {
    "namespace": "The namespace; _ stands for the caller's own.",
    "packageName": "A package or binding.",
    "actionName": "An action.",
    "triggerName": "A trigger.",
    "ruleName": "A rule.",
    "activationid": "32 lower-case hexadecimal digits.",
}
_LIST = (("limit", "integer"), ("skip", "integer"), ("count", "boolean"))
_PUT = (("overwrite", "boolean"),)
_INVOKE = (("blocking", "boolean"), ("result", "boolean"), ("timeout", "integer"))
_RECORDS = (
    *_LIST,
    ("docs", "boolean"),
    ("name", "string"),
    ("since", "integer"),
    ("upto", "integer"),
)

_Query = tuple[tuple[str, str], ...]
_Verbs = dict[str, tuple[str, _Query]]


def _entity(noun: str, put: bool = True, post: str = "", invoke: _Query = ()) -> _Verbs:
    verbs: _Verbs = {"get": (f"Get {noun}", ())}
    if put:
        verbs["put"] = (f"Create or update {noun}", _PUT)
        verbs["delete"] = (f"Delete {noun}", ())
    if post:
        verbs["post"] = (post, invoke)
    return verbs


_BASE = "/namespaces/{namespace}"
_PATHS: dict[str, _Verbs] = {
    "/namespaces": {"get": ("List the caller's namespaces", ())},
    f"{_BASE}/actions": {"get": ("List actions", _LIST)},
    f"{_BASE}/actions/{{actionName}}": _entity("an action", post="Invoke an action", invoke=_INVOKE),
    f"{_BASE}/actions/{{packageName}}/": {"get": ("List the actions of a package", _LIST)},
    f"{_BASE}/actions/{{packageName}}/{{actionName}}": _entity(
        "an action of a package", post="Invoke an action of a package", invoke=_INVOKE
    ),
    f"{_BASE}/packages": {"get": ("List packages", _LIST)},
    f"{_BASE}/packages/{{packageName}}": _entity("a package"),
    f"{_BASE}/triggers": {"get": ("List triggers", _LIST)},
    f"{_BASE}/triggers/{{triggerName}}": _entity("a trigger", post="Fire a trigger"),
    f"{_BASE}/rules": {"get": ("List rules", _LIST)},
    f"{_BASE}/rules/{{ruleName}}": _entity("a rule", post="Enable or disable a rule"),
    f"{_BASE}/activations": {"get": ("List activation records", _RECORDS)},
    f"{_BASE}/activations/{{activationid}}": _entity("an activation record", put=False),
    f"{_BASE}/activations/{{activationid}}/result": {"get": ("Get the result of an activation", ())},
    f"{_BASE}/activations/{{activationid}}/logs": {"get": ("Get the logs of an activation", ())},
    f"{_BASE}/limits": {"get": ("Get the limits of a namespace", ())},
}
_SERVER_PATHS: dict[str, _Verbs] = {
    "/": {"get": ("Limits and runtimes of this deployment", ())},
    "/ping": {"get": ("Whether the server is there", ())},
    "/invokers": {"get": ("The states of the invokers", ())},
    "/invokers/healthy/count": {"get": ("How many invokers are up", ())},
    "/invokers/ready": {"get": ("Whether all invokers are up", ())},
    "/activation": {"get": ("Activations in flight", ())},
    "/activation/count": {"get": ("How many activations are in flight", ())},
}


@cache
def api_document() -> dict[str, Any]:
    """What is below `/api/v1`."""
    return {**_document("/api/v1", _PATHS), "securityDefinitions": {"basicAuth": {"type": "basic"}}}


@cache
def server_document() -> dict[str, Any]:
    """What is outside of it."""
    return _document("/", _SERVER_PATHS)


def _document(base: str, paths: dict[str, _Verbs]) -> dict[str, Any]:
    return {
        "swagger": "2.0",
        "info": {"title": "OpenWhisk REST API", "version": _VERSION},
        "basePath": base,
        "schemes": ["http", "https"],
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "paths": {
            path: {verb: _operation(path, *described) for verb, described in verbs.items()}
            for path, verbs in paths.items()
        },
    }


def _operation(path: str, summary: str, query: _Query) -> dict[str, Any]:
    places = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "type": "string", "required": True, "description": _NAMES[name]} for name in places
    ]
    parameters += [{"name": name, "in": "query", "type": kind, "required": False} for name, kind in query]
    return {
        "summary": summary,
        "parameters": parameters,
        "responses": {"200": {"description": "Done"}, "default": {"description": "{error, code}"}},
    }


def user_interface(document: str) -> Answer:
    """Redirects to the page that shows the document; it is served where an installation has put it."""
    target = f"docs/index.html?url={document}"
    text = f'The request, and all future requests should be repeated using <a href="{target}">this URI</a>.'
    return Answer(308, text.encode(), b"text/html; charset=UTF-8", ((b"location", target.encode()),))
