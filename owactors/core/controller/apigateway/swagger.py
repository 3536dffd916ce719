"""Swagger documents of APIs: with the operations that were added one by one, or as a client uploads them."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from owactors.core.controller.apigateway.endpoint import (
    METHODS,
    Backend,
    Endpoint,
    creation_failed,
    normal_path,
    read_backend,
)

Swagger = dict[str, Any]
EXTENSION = "x-openwhisk"
CONFIGURATION = "x-ibm-configuration"
_SECRET = "message.headers.X-Require-Whisk-Auth"


def new_api(base_path: str, title: str | None = None) -> Swagger:
    """An API without operations."""
    return {
        "swagger": "2.0",
        "basePath": base_path,
        "info": {"title": title or base_path, "version": "1.0.0"},
        "paths": {},
        CONFIGURATION: {"assembly": {"execute": [{"operation-switch": {"case": []}}]}, "cors": {"enabled": True}},
    }


def with_endpoint(api: Swagger, endpoint: Endpoint) -> Swagger:
    """The API with this operation added or replaced."""
    api = without_operation(api, endpoint.path, endpoint.method)
    if endpoint.title:
        api["info"]["title"] = endpoint.title
    backend = endpoint.backend
    operation: dict[str, Any] = {
        "operationId": endpoint.operation_id,
        "responses": {"default": {"description": "Default response"}},
        EXTENSION: {
            "action": backend.action,
            "namespace": backend.namespace,
            "package": backend.package,
            "url": endpoint.origin + backend.path,
        },
    }
    if endpoint.parameters:
        operation["parameters"] = [dict(parameter) for parameter in endpoint.parameters]
    api["paths"].setdefault(endpoint.path, {})[endpoint.method] = operation
    _cases(api).append(_case(endpoint))
    return api


def without_operation(api: Swagger, path: str, method: str | None = None) -> Swagger:
    """The API without the operation, or without the whole path."""
    api = deepcopy(api)
    operations = api["paths"].get(path, {})
    gone = [operations.pop(name) for name in list(operations) if method in (None, name)]
    if not any(name in METHODS for name in operations):
        api["paths"].pop(path, None)
    ids = [operation.get("operationId") for operation in gone if isinstance(operation, dict)]
    cases = _cases(api)
    cases[:] = [case for case in cases if not any(each in ids for each in _listed(case, "operations"))]
    return api


def read_swagger(document: Any, caller: str) -> Swagger:
    """An uploaded document, checked: every operation leads to a web action. Rejection 400."""
    if not isinstance(document, Mapping) or not isinstance(document.get("basePath"), str):
        raise creation_failed("swagger is missing the basePath field")
    paths = document.get("paths")
    if not isinstance(paths, Mapping) or not all(isinstance(each, Mapping) for each in paths.values()):
        raise creation_failed("swagger is missing the paths field")
    api: Swagger = deepcopy(dict(document))
    api["basePath"] = normal_path(document["basePath"])
    info = document.get("info")
    api["info"] = {"title": api["basePath"], "version": "1.0.0", **(info if isinstance(info, Mapping) else {})}
    api["paths"] = {normal_path(path): deepcopy(dict(operations)) for path, operations in paths.items()}
    for path, operations in api["paths"].items():
        for method in METHODS.intersection(operations):
            if backend_of(api, path, method, caller) is None:
                raise creation_failed(f"operation {method} of {path} names no web action in {EXTENSION}")
    return api


def backend_of(api: Swagger, path: str, method: str, caller: str = "") -> Backend | None:
    """The web action behind an operation; None if the operation does not say."""
    operation = api["paths"].get(path, {}).get(method)
    known = operation.get(EXTENSION) if isinstance(operation, Mapping) else None
    url = known.get("url") if isinstance(known, Mapping) else None
    if not isinstance(url, str):
        return None
    return read_backend(url, None, caller, _secret(api, operation.get("operationId")))[1]


def _case(endpoint: Endpoint) -> dict[str, Any]:
    steps: list[dict[str, Any]] = []
    if endpoint.backend.secret is not None:
        steps.append({"set-variable": {"actions": [{"set": _SECRET, "value": endpoint.backend.secret}]}})
    target = endpoint.origin + endpoint.backend.path
    steps.append(
        {"invoke": {"target-url": target + ("$(request.path)" if "{" in endpoint.path else ""), "verb": "keep"}}
    )
    return {"operations": [endpoint.operation_id], "execute": steps}


def _cases(api: Swagger) -> list[dict[str, Any]]:
    """The assembly's cases, made if an uploaded document has none."""
    if not isinstance(api.get(CONFIGURATION), dict):
        api[CONFIGURATION] = {}
    configuration = api[CONFIGURATION]
    try:
        cases = configuration["assembly"]["execute"][0]["operation-switch"]["case"]
    except (KeyError, IndexError, TypeError):
        cases = None
    if not isinstance(cases, list):
        cases = []
        configuration["assembly"] = {"execute": [{"operation-switch": {"case": cases}}]}
    return cases


def _secret(api: Swagger, operation_id: Any) -> str | None:
    """The secret that the operation's case sets; uploaded cases may have any form."""
    for case in _cases(deepcopy({CONFIGURATION: api.get(CONFIGURATION, {})})):
        if operation_id in _listed(case, "operations"):
            for step in _listed(case, "execute"):
                for action in _listed(_member(step, "set-variable"), "actions"):
                    if _member(action, "set") == _SECRET:
                        return str(_member(action, "value"))
    return None


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else None


def _listed(value: Any, name: str) -> list[Any]:
    found = _member(value, name)
    return found if isinstance(found, list) else []
