"""An answer before it is sent, and the usual kinds of them."""

from __future__ import annotations

from typing import Any

import orjson
from attrs import frozen

from owactors.core.controller.messages import DEFAULTS
from owactors.core.controller.rejection import Rejection

JSON_TYPE = b"application/json"
TEXT_TYPE = b"text/plain; charset=UTF-8"
ACTIVATION_ID = b"x-openwhisk-activation-id"

Headers = tuple[tuple[bytes, bytes], ...]

_REST_ALLOW = b"Authorization, Origin, X-Requested-With, Content-Type, Accept, User-Agent"
REST_CORS: Headers = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-headers", _REST_ALLOW),
    (b"access-control-allow-methods", b"GET, DELETE, POST, PUT, HEAD"),
)
SERVER_CORS: Headers = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-headers", _REST_ALLOW),
    (b"access-control-allow-methods", b"OPTIONS, GET, POST"),
)
CHALLENGE: Headers = ((b"www-authenticate", b'Basic realm="OpenWhisk secure realm",charset=UTF-8'),)


@frozen
class Answer:
    """Status, body and headers; content length and transaction id are added when it is sent."""

    status: int
    body: bytes = b""
    content_type: bytes | None = None
    headers: Headers = ()

    def with_headers(self, more: Headers) -> Answer:
        """The same answer with more headers."""
        return Answer(self.status, self.body, self.content_type, self.headers + more)


def to_json_bytes(value: Any) -> bytes:
    """Compact JSON. Numbers beyond 64 bits and lone surrogates take the slower way."""
    try:
        return orjson.dumps(value)
    except TypeError:
        import json

        return json.dumps(value, separators=(",", ":")).encode()


def json_answer(value: Any, status: int = 200, headers: Headers = ()) -> Answer:
    """A JSON body."""
    return Answer(status, to_json_bytes(value), JSON_TYPE, headers)


def text_answer(text: str, status: int = 200, headers: Headers = ()) -> Answer:
    """A plain text body."""
    return Answer(status, text.encode(), TEXT_TYPE, headers)


def ok() -> Answer:
    """200 where there is nothing to tell."""
    return text_answer("OK")


def error_body(status: int, text: str, transaction: str) -> dict[str, str]:
    """`{"error", "code"}`; a blank text becomes the status' own sentence."""
    shown = (text.strip() and text) or DEFAULTS.get(status, DEFAULTS[500])
    return {"error": shown, "code": transaction}


def refusal(rejection: Rejection, transaction: str, headers: Headers = ()) -> Answer:
    """The answer to a request that was refused."""
    if rejection.activation_id is not None:
        headers = (*headers, (ACTIVATION_ID, rejection.activation_id.encode()))
    if rejection.retry_after is not None:
        headers = (*headers, (b"retry-after", str(rejection.retry_after).encode()))
    return json_answer(error_body(rejection.status, rejection.text, transaction), rejection.status, headers)


def activation_header(activation_id: str) -> Headers:
    """The header that names the activation."""
    return ((ACTIVATION_ID, activation_id.encode()),)
