"""Which operation of which API a request is for."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from owactors.core.controller.apigateway.endpoint import METHODS, Backend
from owactors.core.controller.apigateway.swagger import Swagger, backend_of


@frozen
class Matched:
    """The web action to call; `rest` is the path it is told of: the request's, if the API's has parameters."""

    backend: Backend
    rest: str


@frozen
class WrongMethod:
    """The path is there, the method is not; `allowed` are those that are."""

    allowed: tuple[str, ...]


@frozen
class NoSuchPath:
    """No API has this path."""


Match = Matched | WrongMethod | NoSuchPath


def match(apis: Mapping[str, Swagger], method: str, path: str) -> Match:
    """`apis` by base path; the longest base path that fits decides, and in it a path without parameters."""
    for base in sorted(apis, key=len, reverse=True):
        if path == base or path.startswith(base.rstrip("/") + "/"):
            relative = "/" + path[len(base.rstrip("/")) :].strip("/")
            found = _path(apis[base], relative)
            if found is not None:
                return _operation(apis[base], found, method.lower(), path)
    return NoSuchPath()


def _path(api: Swagger, relative: str) -> str | None:
    if relative in api["paths"]:
        return relative
    fitting = [template for template in api["paths"] if _fits(template, relative)]
    return min(fitting, key=lambda template: template.count("{"), default=None)


def _fits(template: str, relative: str) -> bool:
    wanted, given = template.split("/"), relative.split("/")
    return len(wanted) == len(given) and all(_same(a, b) for a, b in zip(wanted, given, strict=True))


def _same(wanted: str, given: str) -> bool:
    return wanted == given or (wanted.startswith("{") and wanted.endswith("}") and given != "")


def _operation(api: Swagger, template: str, method: str, path: str) -> Match:
    operations = sorted(METHODS.intersection(api["paths"][template]))
    chosen = method
    if method == "options" and method not in operations and operations:
        chosen = operations[0]  # the web action answers for CORS
    backend = backend_of(api, template, chosen)
    if backend is None:
        return WrongMethod(tuple(name.upper() for name in operations))
    return Matched(backend, path if "{" in template else "")
