"""Whatever comes from outside or from an action, a web call ends in an answer."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from owactors.core.controller.webaction.answer import WebAnswer, WebRefusal
from owactors.core.controller.webaction.extension import Extension
from owactors.core.controller.webaction.request import MalformedBody, WebRequest, web_arguments
from owactors.core.controller.webaction.transcode import negotiated, web_answer

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner), max_leaves=8
)
HTTP = st.fixed_dictionaries(
    {},
    optional={
        "statusCode": SCALARS | st.integers(150, 650),
        "headers": VALUES | st.dictionaries(st.sampled_from(["Content-Type", "X", "Set-Cookie"]), VALUES),
        "body": VALUES,
        "html": VALUES,
        "text": VALUES,
        "error": VALUES,
    },
)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(Extension), st.integers(0, 3), VALUES | HTTP, st.lists(st.text(max_size=12), max_size=2))
def test_any_result_has_an_answer(extension: Extension, code: int, result: Any, accept: list[str]) -> None:
    answer = negotiated(web_answer(extension, code, result), accept)
    assert isinstance(answer, WebAnswer | WebRefusal)
    assert 200 <= answer.status <= 599
    if isinstance(answer, WebAnswer):
        assert not any("\r" in text or "\n" in text for pair in answer.headers for text in pair)


@settings(max_examples=200, deadline=None)
@given(
    st.text(max_size=20),
    st.binary(max_size=30),
    st.sampled_from(["application/json", "text/plain", "application/x-www-form-urlencoded", "image/png", "?", ""]),
    st.booleans(),
)
def test_any_request_has_arguments(query: str, body: bytes, type: str, raw: bool) -> None:
    headers = (("content-type", type),) if type else ()
    try:
        arguments = web_arguments(WebRequest("POST", "", query, headers, body), "guest", raw)
    except MalformedBody:
        assert type == "application/json"
        assert not raw
    else:
        assert arguments.payload(raw)["__ow_method"] == "post"
