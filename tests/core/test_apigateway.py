"""APIs: documents built from endpoints, uploaded documents, and which action a path leads to."""

from __future__ import annotations

import json
from typing import Any

import pytest

from owactors.core.controller.apigateway.endpoint import Backend, Endpoint, read_endpoint
from owactors.core.controller.apigateway.matching import Matched, NoSuchPath, WrongMethod, match
from owactors.core.controller.apigateway.swagger import (
    Swagger,
    backend_of,
    new_api,
    read_swagger,
    with_endpoint,
    without_operation,
)
from owactors.core.controller.rejection import Rejection

APIDOC: dict[str, Any] = {
    "namespace": "_",
    "gatewayBasePath": "/club",
    "gatewayPath": "/books/{isbn}",
    "gatewayMethod": "GET",
    "apiName": "Book Club",
    "pathParameters": [{"name": "isbn", "in": "path", "type": "string", "required": True}],
    "action": {
        "name": "getBooks",
        "namespace": "_",
        "backendMethod": "GET",
        "backendUrl": "https://host:3233/api/v1/web/_/default/getBooks.http",
        "authkey": "key",
        "secureKey": "s3cret",
    },
}


def endpoint(path: str = "/y", method: str = "get", action: str = "a", base: str = "/x") -> Endpoint:
    return Endpoint(base, path, method, Backend("guest", "default", action, "json"), origin="http://h")


def api(*endpoints: Endpoint) -> Swagger:
    made = new_api("/x")
    for each in endpoints:
        made = with_endpoint(made, each)
    return made


def test_an_endpoint_is_read() -> None:
    read = read_endpoint(APIDOC, "http", "guest")
    assert read.backend == Backend("guest", "default", "getBooks", "http", "s3cret")
    assert (read.base_path, read.path, read.method, read.title) == ("/club", "/books/{isbn}", "get", "Book Club")
    assert read.backend.path == "/api/v1/web/guest/default/getBooks.http"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"gatewayPath": None}, "apidoc is missing the gatewayPath field"),
        ({"gatewayMethod": "FETCH"}, "'FETCH' is not a method"),
        ({"action": None}, "apidoc is missing the action field"),
        ({"action": {"name": "a", "namespace": "_"}}, "action is missing the backendUrl field"),
        ({"action": {**APIDOC["action"], "backendUrl": "https://elsewhere/x"}}, "is not the URL of a web action"),
        ({"action": {**APIDOC["action"], "backendUrl": "h/api/v1/web/_/../a"}}, "is not the URL of a web action"),
    ],
)
def test_an_endpoint_is_refused(change: dict[str, Any], why: str) -> None:
    with pytest.raises(Rejection) as refused:
        read_endpoint({**APIDOC, **change}, "http", "guest")
    assert refused.value.status == 400
    assert refused.value.text.startswith("API creation failure: ")
    assert why in refused.value.text


def test_response_types() -> None:
    assert read_endpoint(APIDOC, "json", "guest").backend.path.endswith(".json")
    with pytest.raises(Rejection):
        read_endpoint(APIDOC, "xml", "guest")


def test_the_document_says_what_clients_read() -> None:
    made = with_endpoint(new_api("/club"), read_endpoint(APIDOC, "http", "guest"))
    assert made["info"]["title"] == "Book Club"
    operation = made["paths"]["/books/{isbn}"]["get"]
    assert operation["x-openwhisk"] == {
        "action": "getBooks",
        "namespace": "guest",
        "package": "default",
        "url": "https://host:3233/api/v1/web/guest/default/getBooks.http",
    }
    assert operation["parameters"] == APIDOC["pathParameters"]
    assert "$(request.path)" in json.dumps(made["x-ibm-configuration"])
    assert backend_of(made, "/books/{isbn}", "get") == Backend("guest", "default", "getBooks", "http", "s3cret")


def test_operations_are_replaced_and_removed() -> None:
    made = api(endpoint(action="old"), endpoint(action="new"), endpoint(method="post"))
    assert backend_of(made, "/y", "get") == Backend("guest", "default", "new", "json")
    cases = made["x-ibm-configuration"]["assembly"]["execute"][0]["operation-switch"]["case"]
    assert len(cases) == 2
    less = without_operation(made, "/y", "get")
    assert list(less["paths"]["/y"]) == ["post"]
    assert without_operation(less, "/y")["paths"] == {}
    assert list(made["paths"]["/y"]) == ["get", "post"]


def test_a_document_is_uploaded() -> None:
    made = read_swagger(json.loads(json.dumps(api(endpoint()))), "guest")
    assert backend_of(made, "/y", "get") == Backend("guest", "default", "a", "json")
    added = with_endpoint({**made, "x-ibm-configuration": "odd"}, endpoint("/z"))
    assert backend_of(added, "/z", "get") is not None


@pytest.mark.parametrize(
    "document",
    [
        5,
        {},
        {"basePath": "/x"},
        {"basePath": "/x", "paths": {"/y": 5}},
        {"basePath": "/x", "paths": {"/y": {"get": {}}}},
        {"basePath": "/x", "paths": {"/y": {"get": {"x-openwhisk": {"url": "http://elsewhere/"}}}}},
        {"basePath": "/x", "paths": {"/y": {"get": {"x-openwhisk": {"url": 5}}}}},
    ],
)
def test_a_document_is_refused(document: Any) -> None:
    with pytest.raises(Rejection):
        read_swagger(document, "guest")


@pytest.mark.parametrize(
    "odd", [5, {}, {"assembly": 5}, {"assembly": {"execute": [{"operation-switch": {"case": [5]}}]}}]
)
def test_odd_assemblies_do_no_harm(odd: Any) -> None:
    made = read_swagger({**api(endpoint()), "x-ibm-configuration": odd}, "guest")
    assert backend_of(made, "/y", "get") is not None
    assert without_operation(made, "/y")["paths"] == {}


def matched(apis: dict[str, Swagger], method: str, path: str) -> str:
    found = match(apis, method, path)
    assert isinstance(found, Matched), found
    return found.backend.action + found.rest


def test_matching() -> None:
    apis = {
        "/x": api(endpoint("/y"), endpoint("/b/{id}", action="one"), endpoint("/b/all", action="all")),
        "/x/y": api(endpoint("/", action="root")),
        "/": api(endpoint("/other", action="other")),
    }
    assert matched(apis, "GET", "/x/b/7") == "one/x/b/7"
    assert matched(apis, "GET", "/x/b/all") == "all"
    assert matched(apis, "GET", "/x/y") == "root"
    assert matched(apis, "GET", "/x/y/") == "root"
    assert matched(apis, "GET", "/other") == "other"
    assert match(apis, "GET", "/x/none") == NoSuchPath()
    assert match(apis, "GET", "/x/b/") == NoSuchPath()
    assert match(apis, "GET", "/xy") == NoSuchPath()
    assert match(apis, "POST", "/x/b/all") == WrongMethod(("GET",))
    assert matched(apis, "OPTIONS", "/x/b/all") == "all"
