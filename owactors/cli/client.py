"""Requests to a node's REST API, over the standard library's HTTP client."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlencode

from attrs import frozen

from owactors.cli.connection import Connection
from owactors.cli.failure import NO_NODE, NODE_ERROR, NOT_FOUND, REFUSED, Failure

Query = Mapping[str, str | int | bool]


@frozen
class Answer:
    """What the node said: status and JSON value (None for an empty body)."""

    status: int
    value: Any


@frozen
class Client:
    """Asks one node. Every method raises Failure when no answer comes."""

    connection: Connection
    timeout: float = 330.0  #: seconds; longer than the longest action

    def ask(self, method: str, path: str, query: Query | None = None, body: Any = None) -> Answer:
        """One request below /api/v1, whatever the answer."""
        return self.ask_node(method, f"/api/v1/{path}", query, body)

    def ask_node(self, method: str, path: str, query: Query | None = None, body: Any = None) -> Answer:
        """One request to any path of the node."""
        target = self.connection.apihost.path + path + (f"?{_encoded(query)}" if query else "")
        content = None if body is None else json.dumps(body).encode()
        link = self._link()
        try:
            link.request(method, target, content, self._headers(content))
            response = link.getresponse()
            return Answer(response.status, _value(response.read()))
        except (OSError, http.client.HTTPException) as problem:
            raise self._unreachable(problem) from problem
        finally:
            link.close()

    @contextmanager
    def events(self, path: str, query: Query | None = None) -> Iterator[Iterator[Any] | None]:
        """The JSON data of server-sent events below /api/v1, as they come; None if the node has no such stream."""
        link = self._link()
        target = f"{self.connection.apihost.path}/api/v1/{path}" + (f"?{_encoded(query)}" if query else "")
        try:
            link.request("GET", target, headers=self._headers(None))
            response = link.getresponse()
            found = response.status == 200 and response.headers.get_content_type() == "text/event-stream"
            yield _data_of(response) if found else None
        except (OSError, http.client.HTTPException) as problem:
            raise self._unreachable(problem) from problem
        finally:
            link.close()

    def get(self, path: str, query: Query | None = None) -> Any:
        """The JSON value of a GET that must succeed."""
        return self.expect(self.ask("GET", path, query))

    def expect(self, answer: Answer) -> Any:
        """The value of a good answer; Failure for any other."""
        if 200 <= answer.status < 300:
            return answer.value
        raise refusal(answer, self.connection.address)

    def _link(self) -> http.client.HTTPConnection:
        address = self.connection.apihost
        kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
        return kind(address.hostname or "", address.port, timeout=self.timeout)

    def _headers(self, content: bytes | None) -> dict[str, str]:
        key = base64.b64encode(self.connection.auth.encode()).decode()
        headers = {"Authorization": f"Basic {key}", "Accept": "application/json"}
        return headers if content is None else {**headers, "Content-Type": "application/json"}

    def _unreachable(self, problem: Exception) -> Failure:
        reason = getattr(problem, "strerror", None) or str(problem) or type(problem).__name__
        return Failure(
            f"no node answers at {self.connection.address} ({reason.lower()}); "
            "start one with `owactors standalone`, or name another with --apihost.",
            NO_NODE,
        )


def refusal(answer: Answer, address: str) -> Failure:
    """The Failure for an answer that is not 2xx."""
    said = answer.value.get("error") if isinstance(answer.value, dict) else None
    code = answer.value.get("code") if isinstance(answer.value, dict) else None
    text = said if isinstance(said, str) else f"the node answered HTTP {answer.status}"
    traced = f" (code {code})" if code else ""
    if answer.status == 401:
        return Failure(f"{text}{traced} {address} does not know this key; give one with --auth.", REFUSED)
    if answer.status == 403:
        return Failure(f"{text}{traced}", REFUSED)
    return Failure(f"{text}{traced}", NOT_FOUND if answer.status == 404 else NODE_ERROR)


def entity_path(collection: str, name: str) -> str:
    """The path of `name`, `package/name`, `/namespace/name` or `/namespace/package/name`."""
    parts = name.strip("/").split("/")
    namespace = parts.pop(0) if name.startswith("/") and len(parts) > 1 else "_"
    return "/".join(["namespaces", quote(namespace), collection, *(quote(part) for part in parts)])


def _encoded(query: Query) -> str:
    return urlencode({key: str(value).lower() if isinstance(value, bool) else value for key, value in query.items()})


def _data_of(response: http.client.HTTPResponse) -> Iterator[Any]:
    """Each `data:` line of a stream; events of this API have one line."""
    for line in response:
        if line.startswith(b"data:"):
            yield json.loads(line[5:])


def _value(body: bytes) -> Any:
    """The JSON value; a body that is not JSON is its text."""
    if not body:
        return None
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")
