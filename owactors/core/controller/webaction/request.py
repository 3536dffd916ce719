"""A web request turned into the parameters of an action (OpenWhisk, WebActions.scala)."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qsl

from attrs import field, frozen

from owactors.core.controller.webaction.mediatype import FORM, JSON, OCTETS, MediaType, parse_media_type

PREFIX = "__ow_"
METHOD, HEADERS, PATH, USER, QUERY, BODY = (
    PREFIX + name for name in ("method", "headers", "path", "user", "query", "body")
)
RESERVED = frozenset((METHOD, HEADERS, PATH, USER, QUERY, BODY))
JsonReader = Callable[[bytes], Any]
_NOT_PASSED = frozenset(("content-length", "transfer-encoding", "x-ow-extra-logging"))


class MalformedBody(Exception):
    """The body is not what its content type says; the text says how."""


@frozen
class WebRequest:
    """An HTTP request as a web action sees it.

    `path` is what follows the action's segment, with its leading slash, or ''; `query` is the raw text
    after the '?'; `headers` are (lower-case name, value) in the order of arrival.
    """

    method: str
    path: str = ""
    query: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)

    def header(self, name: str) -> str | None:
        """The last value of the header `name` (lower case)."""
        return self.header_map().get(name)

    def header_map(self) -> dict[str, str]:
        """Headers by name; values of a repeated one joined, as HTTP allows."""
        joined: dict[str, str] = {}
        for name, value in self.headers:
            separator = "; " if name == "cookie" else ", "
            joined[name] = f"{joined[name]}{separator}{value}" if name in joined else value
        return joined

    @property
    def media_type(self) -> MediaType:
        """The body's type; bytes when the header is missing or makes no sense."""
        declared = self.header("content-type")
        return (parse_media_type(declared) if declared else None) or OCTETS

    @property
    def has_entity(self) -> bool:
        """False when there is neither a body nor a type for one."""
        return bool(self.body) or self.header("content-type") is not None


@frozen
class WebArguments:
    """What a request brings: query and body parameters, and the facts about the request itself."""

    query: dict[str, str]
    body: Any
    has_body: bool
    facts: dict[str, Any]
    raw_query: str

    def names_given(self) -> set[str]:
        """Names of all parameters the caller set himself."""
        body = self.body.keys() if self.has_body and isinstance(self.body, dict) else ()
        return {*self.query, *body}

    def payload(self, raw: bool) -> dict[str, Any]:
        """The payload of the activation; later wins: facts, query, body."""
        return {**self.facts, **(self._boxed() if raw else self._merged())}

    def _boxed(self) -> dict[str, Any]:
        return {QUERY: self.raw_query, BODY: self.body if self.has_body else ""}

    def _merged(self) -> dict[str, Any]:
        if not self.has_body:
            return dict(self.query)
        body = self.body if isinstance(self.body, dict) else {BODY: self.body}
        return {**self.query, **body}


def web_arguments(request: WebRequest, user: str | None, raw: bool, read_json: JsonReader = json.loads) -> WebArguments:
    """Read query and body; `user` is the caller's namespace if authenticated.

    `read_json` raises ValueError for what is not JSON, and that becomes MalformedBody with its text.
    """
    has_body, body = _entity(request, raw, read_json)
    return WebArguments(
        query=dict(parse_qsl(request.query, keep_blank_values=True)),
        body=body,
        has_body=has_body,
        facts=_facts(request, user),
        raw_query=request.query,
    )


def not_allowed(arguments: WebArguments, immutable: Iterable[str]) -> bool:
    """True when the caller sets a reserved property or a parameter the action declares final."""
    return not arguments.names_given().isdisjoint(RESERVED.union(immutable))


def _facts(request: WebRequest, user: str | None) -> dict[str, Any]:
    headers = {n: v for n, v in request.header_map().items() if n not in _NOT_PASSED}
    facts: dict[str, Any] = {METHOD: request.method.lower(), HEADERS: headers, PATH: request.path}
    return facts if user is None else {**facts, USER: user}


def _entity(request: WebRequest, raw: bool, read_json: JsonReader) -> tuple[bool, Any]:
    """Whether there is a body parameter, and its value."""
    if not request.has_entity:
        return False, None
    media = request.media_type
    if not raw and media.name in (JSON.name, FORM.name):
        return _structured(request.body, media, read_json)
    if media.is_text and media.name != JSON.name:
        return True, request.body.decode("utf-8", "replace")
    return True, base64.b64encode(request.body).decode("ascii")


def _structured(body: bytes, media: MediaType, read_json: JsonReader) -> tuple[bool, Any]:
    if not body:
        return False, None
    if media.name == FORM.name:
        return True, dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    try:
        return True, read_json(body)
    except (ValueError, RecursionError) as problem:
        raise MalformedBody(str(problem)) from problem
