"""A request as the handlers see it: path segments, query, headers, whole body, transaction id."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl, unquote

from attrs import define, field

from owactors.core.controller import messages
from owactors.core.controller.rejection import Rejection, bad_request, malformed
from owactors.entity.transaction import TransactionId
from owactors.rest import spray_json

_ENTITY_HEADERS = frozenset({"content-type", "content-length", "transfer-encoding"})
_EXTRA_LOGGING = "x-ow-extra-logging"


@define
class Request:
    """One request. `path` is as it was sent, with escapes; `headers` are lower-cased, the last of a name wins."""

    method: str
    path: str
    query_string: bytes
    headers: dict[bytes, bytes]
    body: bytes
    transid: TransactionId
    _query: Mapping[str, str] | None = field(default=None, init=False)

    def header(self, name: bytes) -> str | None:
        """A header's value; `name` in lower case."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    @property
    def segments(self) -> list[str]:
        """The path's segments, unescaped: "/a/b%2Fc/" has "a", "b/c" and ""."""
        parts = self.path.split("/")[1:]
        return [unquote(part) for part in parts] if "%" in self.path else parts

    def query(self, name: str) -> str | None:
        """A query parameter: the first of that name, None if there is none."""
        if self._query is None:
            self._query = _first_values(self.query_string) if self.query_string else _NONE
        return self._query.get(name)

    @property
    def content_type(self) -> str | None:
        """The media type in lower case without parameters, None if none was sent that could be one."""
        value = self.headers.get(b"content-type")
        if value is None or b"/" not in value:
            return None
        return value.partition(b";")[0].strip().lower().decode("latin-1")

    def forwarded_headers(self) -> dict[str, str]:
        """The headers an action may see: all but those that describe the body and those meant for the platform."""
        found = {name.decode("latin-1"): value.decode("latin-1") for name, value in self.headers.items()}
        return {n: v for n, v in found.items() if n not in _ENTITY_HEADERS and n != _EXTRA_LOGGING}

    def _check_json(self) -> None:
        if self.content_type not in ("application/json", None):
            shown = self.header(b"content-type") or ""
            raise Rejection(415, messages.content_type_unsupported(_shown_type(shown)))
        if self.content_type is None and self.body:
            raise Rejection(415, messages.content_type_unsupported("application/octet-stream"))

    def json(self) -> Any:
        """The JSON value of a body that must be there. Rejection 400 or 415."""
        if not self.body and self.content_type not in ("application/json", None):
            raise bad_request(messages.BODY_MISSING)
        self._check_json()
        return _parsed(self.body)

    def json_object(self) -> dict[str, Any]:
        """The JSON object of a body that may be absent, which reads as `{}`. Rejection 400 or 415."""
        if not self.body:
            return {}
        self._check_json()
        value = _parsed(self.body)
        if not isinstance(value, dict):
            raise malformed("JSON object expected")
        return value


_NONE: Mapping[str, str] = MappingProxyType({})


@lru_cache(maxsize=1024)
def _first_values(query_string: bytes) -> Mapping[str, str]:
    """Name to value; a client asks with the same few query strings again and again."""
    found: dict[str, str] = {}
    for key, value in parse_qsl(query_string.decode("latin-1"), keep_blank_values=True):
        found.setdefault(key, value)
    return MappingProxyType(found)


def _parsed(body: bytes) -> Any:
    try:
        return spray_json.parse(body)
    except spray_json.ParsingError as error:
        raise malformed(str(error)) from None


def _shown_type(value: str) -> str:
    media, semicolon, rest = value.partition(";")
    name, equals, charset = rest.strip().partition("=")
    if semicolon and equals and name.lower() == "charset":
        return f"{media.strip().lower()}; charset={charset.strip().upper()}"
    return value.strip().lower()
