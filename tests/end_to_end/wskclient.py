"""What the command `wsk` sends, byte for byte where it matters, and what it makes of the answers."""

from __future__ import annotations

import base64
import gzip
import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from attrs import frozen

AGENT = "OpenWhisk-CLI/1.0 (2023-05-08T17:40:06.221+0000) linux amd64"
NAMESPACE = "/api/v1/namespaces/_"
NETWORK, PENDING, NOT_SUCCESSFUL = 3, 202, 200


class Crash(AssertionError):
    """Something is missing without which wsk ends with "Application exited unexpectedly"."""


@frozen
class Heard:
    """An answer as wsk sees it."""

    status: int
    content_type: str
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def exit_code(self, blocking: bool = False, result: bool = False) -> int:
        """What wsk would exit with."""
        if self.status >= 400:
            return (self.status - 256) & 255
        if blocking and self.status == 202:
            return PENDING
        if blocking and not result and self.status == 200:
            response = self.json.get("response") if isinstance(self.json, dict) else None
            return 0 if isinstance(response, dict) and response.get("success") is True else NOT_SUCCESSFUL
        return 0

    def message(self) -> str:
        """The text of an error; only `{"error", "code"}` is printed as such."""
        found = self.json if self.body and self.content_type.startswith("application/json") else {}
        if isinstance(found, dict) and "error" in found and "code" in found:
            return f"{found['error']} (code {found['code']})"
        if self.status == 502 and isinstance(found, dict) and ("response" in found or "error" in found):
            return "application error"
        return f"The connection failed, or timed out. (HTTP status code {self.status})"


class Wsk:
    """Speaks as wsk does, on one kept connection."""

    def __init__(self, url: str, key: str) -> None:
        at = urlsplit(url)
        self.url, self.key = url, key
        self._connection = http.client.HTTPConnection(at.hostname or "", at.port, timeout=90)

    def send(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        *,
        auth: bool = True,
        empty: bool = False,
    ) -> Heard:
        """`path` is escaped here; the query's keys are sorted; `empty` posts nothing at all."""
        target = quote(path, safe="/@:$&+=~") + ("?" + urlencode(sorted(query.items())) if query else "")
        text = None if body is None else (json.dumps(body, ensure_ascii=False) + "\n").encode()
        self._connection.putrequest(method, target, skip_accept_encoding=True)
        self._connection.putheader("User-Agent", AGENT if auth else "Go-http-client/1.1")
        if text is not None or empty:
            self._connection.putheader("Content-Length", str(len(text or b"")))
        if auth:
            self._connection.putheader("Authorization", "Basic " + base64.b64encode(self.key.encode()).decode())
        if text is not None:
            self._connection.putheader("Content-Type", "application/json")
        self._connection.putheader("Accept-Encoding", "gzip")
        self._connection.endheaders(text)
        answer = self._connection.getresponse()
        raw = answer.read()
        if answer.getheader("Content-Encoding") == "gzip":
            raw = gzip.decompress(raw)
        return Heard(answer.status, answer.getheader("Content-Type") or "", raw)

    def get(self, path: str, **query: Any) -> Heard:
        return self.send("GET", f"{NAMESPACE}/{path}", query)

    def put(self, path: str, body: Any, overwrite: bool = False) -> Heard:
        return self.send("PUT", f"{NAMESPACE}/{path}", {"overwrite": _text(overwrite)}, body)

    def delete(self, path: str) -> Heard:
        return self.send("DELETE", f"{NAMESPACE}/{path}")

    def page(self, path: str, limit: int = 30) -> Heard:
        return self.get(path, limit=limit, skip=0)

    # -- commands

    def action_create(self, name: str, overwrite: bool = False, **fields: Any) -> Heard:
        """`name` is `a` or `p/a`, and stands in the body with its package."""
        return self.put(f"actions/{name}", {"namespace": "_", "name": name, **fields}, overwrite)

    def action_update(self, name: str, **fields: Any) -> Heard:
        """Reads first; that it is not there is fine."""
        before = self.get(f"actions/{name}", code="false")
        assert before.status in (200, 404), before
        return self.action_create(name, True, **fields)

    def invoke(self, name: str, body: Any = None, *, blocking: bool = False, result: bool = False) -> Heard:
        query = {"blocking": _text(blocking or result), "result": _text(result)}
        return self.send("POST", f"{NAMESPACE}/actions/{name}", query, body or {})

    def fire(self, name: str, body: Any = None) -> Heard:
        return self.send("POST", f"{NAMESPACE}/triggers/{name}", None, body or {})

    def set_rule(self, name: str, status: str) -> Heard:
        body = {"status": status, "trigger": None, "action": None}
        return self.send("POST", f"{NAMESPACE}/rules/{name}", None, body)

    def api(self, method: str, action: str, body: Any = None, **query: Any) -> Heard:
        query = {"accesstoken": "DUMMY TOKEN", "spaceguid": self.key.partition(":")[0], **query}
        return self.send(method, f"/api/v1/web/whisk.system/apimgmt/{action}.http", query, body)


def _text(flag: bool) -> str:
    return "true" if flag else "false"


def annotation(entity: Mapping[str, Any], key: str) -> Any:
    """The value of an annotation, None without it."""
    return next((each["value"] for each in entity["annotations"] if each["key"] == key), None)


def read_action_row(row: Mapping[str, Any]) -> str:
    """A line of `wsk action list`."""
    if not isinstance(annotation(row, "exec"), str):
        raise Crash(f"exec is no text: {row}")
    return f"/{row['namespace']}/{row['name']} private {annotation(row, 'exec')}"


def read_action(action: Mapping[str, Any]) -> dict[str, Any]:
    """What `wsk action get` prints; its fields must have these types."""
    for name in ("namespace", "name", "version"):
        assert isinstance(action[name], str), action
    for name in ("annotations", "parameters"):
        assert isinstance(action[name], list), action
    assert isinstance(action["publish"], bool), action
    _whole(action["updated"])
    if not isinstance(action["exec"].get("binary", action["exec"]["kind"] == "sequence" or None), bool):
        raise Crash(f"binary is missing: {action['exec']}")
    return dict(action)


def read_record_row(row: Mapping[str, Any]) -> tuple[str, str, str]:
    """A line of `wsk activation list`: kind, cold or warm, status."""
    kind = annotation(row, "kind")
    if kind is not None and not isinstance(kind, str):
        raise Crash(f"kind is no text: {row}")
    _whole(row["start"])
    for name in ("end", "duration"):
        _whole(row.get(name, 0))
    words = ("success", "application error", "developer error", "internal error")
    assert isinstance(row["version"], str)
    return (
        kind or "unknown",
        "cold" if annotation(row, "initTime") is not None else "warm",
        words[row.get("statusCode", 0)],
    )


def _whole(value: Any) -> None:
    assert isinstance(value, int), value
    assert not isinstance(value, bool), value
