"""Results become HTTP answers."""

from __future__ import annotations

import base64

import pytest

from owactors.core.controller.webaction.answer import WebAnswer, WebRefusal
from owactors.core.controller.webaction.extension import Extension
from owactors.core.controller.webaction.mediatype import HTML, JSON, PLAIN, SVG, MediaType, parse_media_type
from owactors.core.controller.webaction.negotiation import acceptable
from owactors.core.controller.webaction.prettyjson import pretty
from owactors.core.controller.webaction.transcode import negotiated, web_answer

HTTP_INVALID = WebRefusal(400, "Response is not valid 'message/http'.")
MISMATCH = WebRefusal(400, "Response type in header did not match generated content type.")
UNKNOWN = WebRefusal(400, "Response did not specify a known content-type.")


def http(result: object) -> WebAnswer | WebRefusal:
    return web_answer(Extension.HTTP, 0, result)


def typed(type: str, body: object) -> WebAnswer | WebRefusal:
    return http({"headers": {"Content-Type": type}, "body": body})


def header(answer: WebAnswer | WebRefusal) -> str:
    assert isinstance(answer, WebAnswer)
    assert answer.media
    return answer.media.as_header


@pytest.mark.scenario("W03")
def test_redirect() -> None:
    answer = http({"statusCode": 302, "headers": {"location": "/there"}})
    assert answer == WebAnswer(302, (("location", "/there"),))


@pytest.mark.scenario("W03")
def test_text_is_html_by_default() -> None:
    assert http({"body": "<b>"}) == WebAnswer(200, (), HTML, b"<b>")


@pytest.mark.scenario("W03")
@pytest.mark.parametrize("result", [{}, {"body": ""}, {"body": None}, {"headers": {}}])
def test_no_body_is_204(result: object) -> None:
    assert http(result) == WebAnswer(204)


def test_without_a_body_the_type_goes_and_other_headers_stay() -> None:
    assert http({"headers": {"Content-Type": "text/x", "X-A": "1"}}) == WebAnswer(204, (("X-A", "1"),))


@pytest.mark.scenario("W04")
def test_bytes_come_as_base64() -> None:
    image = b"\x89PNG\r\n"
    assert typed("image/png", base64.b64encode(image).decode()) == WebAnswer(200, (), MediaType("image", "png"), image)
    assert typed("image/png", "not base64!") == MISMATCH
    assert typed("xyz/bar", "hello") == MISMATCH


@pytest.mark.scenario("W05")
def test_nonsense_types_and_codes() -> None:
    assert typed("xyzBogus", "x") == UNKNOWN
    assert http({"statusCode": "abc"}) == HTTP_INVALID


@pytest.mark.parametrize("code", [99, 999, 200.5, True, None, [], "2 00", -1, 101])
def test_codes_that_are_none(code: object) -> None:
    assert http({"statusCode": code}) == HTTP_INVALID


@pytest.mark.parametrize(("code", "status"), [("202", 202), (418, 418), (200.0, 200), (599, 599)])
def test_codes(code: object, status: int) -> None:
    assert http({"statusCode": code}) == WebAnswer(status)


@pytest.mark.scenario("W06")
@pytest.mark.parametrize("body", [{"a": 1}, [1, 2], 7, False])
def test_other_values_are_json(body: object) -> None:
    assert http({"body": body}) == WebAnswer(200, (), JSON, pretty(body).encode())
    assert typed("text/html", body) == MISMATCH
    assert header(typed("application/x+json", body)) == "application/x+json"


@pytest.mark.scenario("W07")
def test_a_list_makes_several_headers() -> None:
    answer = http({"headers": {"Set-Cookie": ["a=b", "c=d; Path=/"], "X-N": 1, "X-B": True}, "body": ""})
    assert answer == WebAnswer(
        204, (("Set-Cookie", "a=b"), ("Set-Cookie", "c=d; Path=/"), ("X-N", "1"), ("X-B", "true"))
    )


@pytest.mark.parametrize(
    "headers", ["x", [], {"a": {}}, {"a": None}, {"a": [{}]}, {"bad name": "x"}, {"a": "x\r\nEvil: 1"}]
)
def test_headers_that_are_none(headers: object) -> None:
    assert http({"headers": headers, "body": "x"}) == HTTP_INVALID


def test_what_the_server_writes_is_not_taken_from_the_action() -> None:
    answer = http({"headers": {"Content-Length": "1", "Transfer-Encoding": "chunked", "Server": "x"}})
    assert answer == WebAnswer(204)


def test_json_texts() -> None:
    assert typed("application/json", '{"a": 1}') == WebAnswer(200, (), JSON, b'{"a": 1}')
    encoded = base64.b64encode(b'{"a":1}').decode()
    assert typed("application/json", encoded) == WebAnswer(200, (), JSON, b'{"a":1}')


@pytest.mark.parametrize("result", ["text", 5, [1], None])
def test_http_wants_an_object(result: object) -> None:
    assert http(result) == HTTP_INVALID


@pytest.mark.scenario("W08")
def test_html_and_svg() -> None:
    assert web_answer(Extension.HTML, 0, {"html": "x"}) == WebAnswer(200, (), HTML, b"x")
    assert web_answer(Extension.HTML, 0, {"html": "x", "body": "y"}) == WebAnswer(200, (), HTML, b"y")
    assert web_answer(Extension.HTML, 0, {}) == WebRefusal(400, "Response is not valid 'text/html'.")
    assert web_answer(Extension.SVG, 0, {"svg": "<svg/>"}) == WebAnswer(200, (), SVG, b"<svg/>")
    assert web_answer(Extension.SVG, 0, {}) == WebRefusal(400, "Response is not valid 'image/svg+xml'.")


@pytest.mark.scenario("W08")
@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        (5, "5"),
        (True, "true"),
        (None, "null"),
        ({"x": 1}, '{\n  "x": 1\n}'),
        ([1, 2], "[1, 2]"),
    ],
)
def test_text(value: object, text: str) -> None:
    assert web_answer(Extension.TEXT, 0, {"text": value}) == WebAnswer(200, (), PLAIN, text.encode())


@pytest.mark.scenario("W08")
def test_text_without_the_property() -> None:
    missing = WebRefusal(404, "Response does not include requested property.")
    assert web_answer(Extension.TEXT, 0, {}) == missing


@pytest.mark.scenario("W08")
def test_json_wants_an_object_or_an_array() -> None:
    invalid = WebRefusal(400, "Response is not valid 'application/json'.")
    assert web_answer(Extension.JSON, 1, {"error": "x"}) == invalid
    assert web_answer(Extension.JSON, 0, {"a": 1}) == WebAnswer(200, (), JSON, b'{\n  "a": 1\n}')
    assert web_answer(Extension.JSON, 0, [1, 2]) == WebAnswer(200, (), JSON, b"[1, 2]")


@pytest.mark.scenario("W09")
def test_errors() -> None:
    teapot = {"error": {"statusCode": 418, "headers": {"X-T": "pot"}, "body": "teapot"}}
    assert web_answer(Extension.HTTP, 1, teapot) == WebAnswer(418, (("X-T", "pot"),), HTML, b"teapot")
    processing = WebRefusal(400, "There was an error processing your request.")
    assert web_answer(Extension.HTTP, 2, {"error": "secret stack trace"}) == processing
    assert web_answer(Extension.HTTP, 3, {"error": "x"}) == processing
    assert web_answer(Extension.HTTP, 1, {}).status == 404


@pytest.mark.scenario("W20")
def test_a_type_the_caller_does_not_take() -> None:
    answer = web_answer(Extension.JSON, 0, {})
    refusal = WebRefusal(406, "Resource representation is only available with these types:\napplication/json")
    assert negotiated(answer, ["text/html"]) == refusal
    assert negotiated(answer, ["text/html, */*;q=0.1"]) == answer
    assert negotiated(WebAnswer(204), ["text/html"]) == WebAnswer(204)
    html = negotiated(web_answer(Extension.HTML, 0, "x"), ["application/json"])
    assert isinstance(html, WebRefusal)
    assert html.message.endswith("\ntext/html; charset=UTF-8")


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ([], True),
        ([""], True),
        (["*/*"], True),
        (["text/*"], True),
        (["text/html;q=0, */*"], False),
        (["text/html;q=0.2"], True),
        (["application/json", "text/html"], True),
        (["application/json"], False),
        (["nonsense"], True),
        (["text/html;q=x"], True),
    ],
)
def test_accept(accept: list[str], expected: bool) -> None:
    assert acceptable(HTML, accept) is expected


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("text/html; charset=UTF-8", "text/html; charset=UTF-8"),
        ("text/html;charset=iso-8859-1", "text/html; charset=UTF-8"),
        ("TEXT/Plain", "text/plain; charset=UTF-8"),
        ("application/json; charset=utf-8", "application/json"),
        ("image/svg+xml", "image/svg+xml"),
        ('text/x; a="b;c"', "text/x; charset=UTF-8"),
    ],
)
def test_types_as_they_are_written(text: str, written: str) -> None:
    media = parse_media_type(text)
    assert media is not None
    assert media.as_header == written


@pytest.mark.parametrize("text", ["", "text", "text/", "/html", "text/html; =", "a b/c", "text/html; charset"])
def test_what_is_no_type(text: str) -> None:
    assert parse_media_type(text) is None


def test_pretty_nests() -> None:
    assert pretty({"a": {"b": [{}]}, "ü": 1.5}) == '{\n  "a": {\n    "b": [{\n\n    }]\n  },\n  "ü": 1.5\n}'
