"""The `.http` form: a result with `statusCode`, `headers` and `body` written as an HTTP answer."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from owactors.core.controller.webaction.answer import (
    CONTENT_TYPE_MISMATCH,
    UNKNOWN_CONTENT_TYPE,
    WebAnswer,
    WebRefusal,
    invalid_media,
)
from owactors.core.controller.webaction.mediatype import HTML, JSON, MediaType, parse_media_type
from owactors.core.controller.webaction.prettyjson import pretty

Headers = tuple[tuple[str, str], ...]

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_UNSAFE = re.compile(r"[\r\n\x00]")
_OWN_BUSINESS = frozenset(("content-type", "content-length", "transfer-encoding", "connection", "date", "server"))
"""Headers the server writes; the action's word for them is not passed on."""

_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}\Z")
_MISMATCH = WebRefusal(400, CONTENT_TYPE_MISMATCH)


class _Invalid(Exception):
    pass


def http_answer(result: Any) -> WebAnswer | WebRefusal:
    """Write `result` as it asks; anything that does not fit is 400 "Response is not valid …"."""
    try:
        status, headers = _status(result), _headers(result)
    except _Invalid:
        return invalid_media("message/http")
    body = result.get("body")
    if body is None or body == "":
        return WebAnswer(status or 204, _passed(headers))
    media = _declared(headers)
    if isinstance(media, WebRefusal):
        return media
    if isinstance(body, str):
        return _text_body(status or 200, headers, media or HTML, body)
    return _json_body(status or 200, headers, media or JSON, body)


def _status(result: Any) -> int | None:
    """The status the result names, None if it names none. Numbers in texts count."""
    if not isinstance(result, dict):
        raise _Invalid
    if "statusCode" not in result:
        return None
    status = _whole(result["statusCode"])
    if not 200 <= status <= 599:
        raise _Invalid
    return status


def _whole(value: Any) -> int:
    if isinstance(value, bool):
        raise _Invalid
    if isinstance(value, str):
        try:
            return int(value) if value.strip() == value else -1
        except ValueError as problem:
            raise _Invalid from problem
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return int(value)
    raise _Invalid


def _headers(result: dict[str, Any]) -> Headers:
    headers = result.get("headers", {})
    if not isinstance(headers, dict):
        raise _Invalid
    return tuple(pair for name, value in headers.items() for pair in _header(name, value))


def _header(name: str, value: Any) -> Headers:
    """One header line per scalar; a list makes several."""
    if isinstance(value, list):
        return tuple(pair for element in value for pair in _header(name, element))
    text = _scalar(value)
    if text is None or not _TOKEN.match(name) or _UNSAFE.search(text):
        raise _Invalid
    return ((name, text),)


def _scalar(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    return None


def _passed(headers: Headers) -> Headers:
    return tuple(pair for pair in headers if pair[0].lower() not in _OWN_BUSINESS)


def _declared(headers: Headers) -> MediaType | WebRefusal | None:
    for name, value in headers:
        if name.lower() == "content-type":
            return parse_media_type(value) or WebRefusal(400, UNKNOWN_CONTENT_TYPE)
    return None


def _text_body(status: int, headers: Headers, media: MediaType, text: str) -> WebAnswer | WebRefusal:
    """Text as it is; bytes, and JSON that looks like base64, decoded."""
    if media.is_json:
        body = _decoded(text) if _is_base64_text(text) else text.encode()
    else:
        body = text.encode() if media.is_text else _decoded(text)
    return _MISMATCH if body is None else WebAnswer(status, _passed(headers), media, body)


def _json_body(status: int, headers: Headers, media: MediaType, value: Any) -> WebAnswer | WebRefusal:
    if not media.is_json:
        return _MISMATCH
    return WebAnswer(status, _passed(headers), media, pretty(value).encode())


def _is_base64_text(text: str) -> bool:
    """The guess OpenWhisk makes about code, too: the alphabet, in groups of four."""
    return len(text) % 4 == 0 and _BASE64.match(text) is not None


def _decoded(text: str) -> bytes | None:
    """Base64, with or without its padding; None if it is not base64."""
    if not _BASE64.match(text) or (text.endswith("=") and len(text) % 4):
        return None
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        return None
