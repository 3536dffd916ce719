"""Descriptions of the API in Swagger 2.0, for tools that read them, and the way to a page that shows them."""

from __future__ import annotations

from functools import cache
from typing import Any

from owactors.rest.answer import Answer
from owactors.rest.swaggeroperations import API, PLACES, SERVER, Operation
from owactors.rest.swaggerschemas import DEFINITIONS

_VERSION = "0.1.0"
_WEB = "/web/{namespace}/{packageName}/{actionName}.{extension}"
_WEB_VERBS = ("get", "put", "post", "delete", "options", "head", "patch")


@cache
def api_document() -> dict[str, Any]:
    """What is below `/api/v1`."""
    document = _document("/api/v1", API)
    document["paths"][_WEB] = {verb: _web_operation(verb) for verb in _WEB_VERBS}
    return {
        **document,
        "securityDefinitions": {"basicAuth": {"type": "basic"}},
        "security": [{"basicAuth": []}],
    }


@cache
def server_document() -> dict[str, Any]:
    """What is outside of it."""
    return _document("/", SERVER)


def _document(base: str, paths: dict[str, dict[str, Operation]]) -> dict[str, Any]:
    return {
        "swagger": "2.0",
        "info": {"title": "OpenWhisk REST API", "version": _VERSION},
        "basePath": base,
        "schemes": ["http", "https"],
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "paths": {
            path: {verb: _operation(path, operation) for verb, operation in verbs.items()}
            for path, verbs in paths.items()
        },
        "definitions": DEFINITIONS,
    }


def _operation(path: str, operation: Operation) -> dict[str, Any]:
    parameters = _places(path)
    parameters += [{"name": name, "in": "query", **form} for name, form in operation.query.items()]
    if operation.body:
        schema = {"$ref": f"#/definitions/{operation.body}"}
        required = operation.body != "Object"
        parameters.append({"name": "body", "in": "body", "required": required, "schema": schema})
    return {
        "summary": operation.summary,
        "produces": operation.produces,
        "parameters": parameters,
        "responses": operation.responses(),
    }


def _places(path: str) -> list[dict[str, Any]]:
    named = [name for name in PLACES if f"{{{name}}}" in path]
    return [{"name": name, "in": "path", "required": True, **PLACES[name]} for name in named]


def _web_operation(verb: str) -> dict[str, Any]:
    """Anybody may call a web action, and it answers what it likes."""
    return {
        "summary": f"Call a web action by {verb.upper()}",
        "security": [],
        "consumes": ["application/json", "application/x-www-form-urlencoded", "text/plain"],
        "produces": ["application/json", "text/html", "text/plain", "image/svg+xml"],
        "parameters": _places(_WEB),
        "responses": {"default": {"description": "What the action says, or why it was not called"}},
    }


def user_interface(document: str) -> Answer:
    """Redirects to the page that shows the document; it is served where an installation has put it."""
    target = f"docs/index.html?url={document}"
    text = f'The request, and all future requests should be repeated using <a href="{target}">this URI</a>.'
    return Answer(308, text.encode(), b"text/html; charset=UTF-8", ((b"location", target.encode()),))
