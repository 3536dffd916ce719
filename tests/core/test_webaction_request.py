"""Web requests become parameters."""

from __future__ import annotations

import pytest

from owactors.core.controller.webaction.extension import Extension, WebTarget, web_target
from owactors.core.controller.webaction.request import (
    MalformedBody,
    WebRequest,
    not_allowed,
    web_arguments,
)


def request(method: str = "GET", query: str = "", body: bytes = b"", type: str = "", **more: str) -> WebRequest:
    headers = tuple((name.replace("_", "-"), value) for name, value in more.items())
    if type:
        headers += (("content-type", type),)
    return WebRequest(method, query=query, headers=headers, body=body)


def payload(web: WebRequest, user: str | None = None, raw: bool = False) -> dict[str, object]:
    found = web_arguments(web, user, raw).payload(raw)
    found.pop("__ow_headers")
    return found


@pytest.mark.scenario("W01")
def test_query_and_facts_reach_the_action() -> None:
    assert payload(request(query="a=b")) == {"__ow_method": "get", "__ow_path": "", "a": "b"}


def test_headers_are_passed_but_not_those_about_the_transport() -> None:
    web = request(x_mine="v", content_length="3", x_ow_extra_logging="on", host="h")
    assert web_arguments(web, None, False).payload(False)["__ow_headers"] == {"x-mine": "v", "host": "h"}


def test_repeated_headers_are_joined() -> None:
    web = WebRequest("GET", headers=(("x", "1"), ("x", "2"), ("cookie", "a=1"), ("cookie", "b=2")))
    assert web.header_map() == {"x": "1, 2", "cookie": "a=1; b=2"}


def test_the_caller_is_named_only_if_known() -> None:
    assert payload(request(), user="guest")["__ow_user"] == "guest"
    assert "__ow_user" not in payload(request())


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("a=1&a=2", {"a": "2"}),
        ("x", {"x": ""}),
        ("x=", {"x": ""}),
        ("x=%20y%2B+z", {"x": " y+ z"}),
        ("", {}),
    ],
)
def test_query_texts(query: str, expected: dict[str, str]) -> None:
    assert web_arguments(request(query=query), None, False).query == expected


@pytest.mark.scenario("W14")
def test_body_wins_over_query() -> None:
    web = request("POST", "a=2&b=3", b'{"a": 1}', "application/json")
    assert payload(web) == {"__ow_method": "post", "__ow_path": "", "a": 1, "b": "3"}


@pytest.mark.scenario("W14")
def test_form_fields_are_texts() -> None:
    web = request("POST", "", b"a=1&b=x%20y", "application/x-www-form-urlencoded")
    assert payload(web) == {"__ow_method": "post", "__ow_path": "", "a": "1", "b": "x y"}


@pytest.mark.scenario("W14")
@pytest.mark.parametrize(
    ("body", "value"), [(b"[1]", [1]), (b"5", 5), (b'"x"', "x"), (b"null", None), (b"false", False)]
)
def test_other_json_is_boxed(body: bytes, value: object) -> None:
    assert payload(request("POST", "", body, "application/json"))["__ow_body"] == value


@pytest.mark.parametrize(
    ("body", "type", "expected"),
    [
        (b"hello there", "text/plain", "hello there"),
        (b"\x00\x01\x02\xff", "application/octet-stream", "AAEC/w=="),
        (b"<a/>", "application/xml", "<a/>"),
        (b"abc", "", "YWJj"),
        (b"abc", "not a type", "YWJj"),
        (b"abc", "multipart/form-data; boundary=x", "YWJj"),
        (b"abc", "application/unheard-of", "YWJj"),
        (b"abc", "application/unheard-of; charset=utf-8", "abc"),
        (b"", "text/plain", ""),
    ],
)
def test_text_stays_text_and_bytes_become_base64(body: bytes, type: str, expected: str) -> None:
    assert payload(request("POST", "", body, type))["__ow_body"] == expected


@pytest.mark.parametrize("type", ["application/json", "application/x-www-form-urlencoded", ""])
def test_an_empty_body_is_none(type: str) -> None:
    assert "__ow_body" not in payload(request("POST", "", b"", type))


def test_json_with_charset_is_still_json() -> None:
    assert payload(request("POST", "", b'{"a":1}', "application/json; charset=utf-8"))["a"] == 1


@pytest.mark.parametrize("body", [b"{", b"[1,]", b"[" * 100_000])
def test_malformed_json_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        web_arguments(request("POST", "", body, "application/json"), None, False)


@pytest.mark.scenario("W13")
@pytest.mark.parametrize(
    ("body", "type", "expected"),
    [
        (b"plain text", "text/plain", "plain text"),
        (b'{"k": "v"}', "application/json", "eyJrIjogInYifQ=="),
        (b"a=1&b=2", "application/x-www-form-urlencoded", "a=1&b=2"),
        (b"", "", ""),
    ],
)
def test_raw_keeps_body_and_query_as_they_came(body: bytes, type: str, expected: str) -> None:
    found = payload(request("POST", "x=1&y=2", body, type), raw=True)
    assert found == {"__ow_method": "post", "__ow_path": "", "__ow_query": "x=1&y=2", "__ow_body": expected}


@pytest.mark.scenario("W15")
def test_reserved_and_final_parameters_are_refused() -> None:
    query = web_arguments(request(query="__ow_user=me"), None, False)
    body = web_arguments(request("POST", "", b'{"fixed": 1}', "application/json"), None, False)
    assert not_allowed(query, ())
    assert not_allowed(body, {"fixed"})
    assert not not_allowed(body, {"other"})


@pytest.mark.parametrize(
    ("segment", "name", "extension"),
    [
        ("a.json", "a", Extension.JSON),
        ("a.http", "a", Extension.HTTP),
        ("a.html", "a", Extension.HTML),
        ("a.svg", "a", Extension.SVG),
        ("a.text", "a", Extension.TEXT),
        ("a", "a", Extension.HTTP),
        ("a.xml", "a.xml", Extension.HTTP),
        ("a.json.json", "a.json", Extension.JSON),
    ],
)
def test_extensions(segment: str, name: str, extension: Extension) -> None:
    assert web_target(segment) == WebTarget(name, extension)
