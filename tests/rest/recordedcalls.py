"""The REST calls to a running OpenWhisk, and by call what it left: messages, records, documents, what it told."""

from __future__ import annotations

import json
from typing import Any

from attrs import define, field

from tests.message.recordings import FOLDER, recorded

#: told of each of them, but recorded with any of those that ran at the same time
_TOGETHER = (range(73, 83), range(467, 475), range(737, 742))
#: by call, the code that the recording left out: large enough to be kept beside the document
LEFT_OUT = {"R062": "def main(args): return args\n" + "# padding " * 3000, "R710": "#" * 40_000, "R712": "UEsD" * 9000}


@define
class RecordedCall:
    """One request, its answer, and what followed from it; `group` names calls whose events cannot be told apart."""

    name: str
    request: dict[str, Any]
    group: str
    messages: list[dict[str, Any]] = field(factory=list)
    forgotten: list[dict[str, Any]] = field(factory=list)
    events: list[dict[str, Any]] = field(factory=list)

    @property
    def headers(self) -> dict[str, str]:
        """As the client sent them: the call's own, and those that were handed on to an action."""
        handed = [value["content"]["__ow_headers"] for value in self.messages if "__ow_headers" in _content(value)]
        known = dict(handed[0]) if handed else {}
        return {"content-type": "application/json", **known, **self.request["headers"]}

    @property
    def body(self) -> Any:
        """What was sent, as JSON."""
        body = self.request["body"]
        if not isinstance(body, str):
            return body
        return {"exec": {"kind": "python:3.11", "code": LEFT_OUT[self.name]}, "limits": {"memory": 128}}


def _content(value: dict[str, Any]) -> dict[str, Any]:
    content = value.get("content")
    return content if isinstance(content, dict) else {}


def recorded_calls() -> list[RecordedCall]:
    """All of them in the order in which they were made, with what each left on topics."""
    lines = (FOLDER / "rest_calls.jsonl").read_text().splitlines()
    found = {request["call"]: _call(request) for request in map(json.loads, lines)}
    for message in recorded("invoker"):
        if message.call in found:
            found[message.call].messages.append(message.value)
    for message in recorded("cacheInvalidation"):
        found[message.call].forgotten.append(message.value)
    for message in recorded("events"):
        if message.value["source"].startswith("controller"):
            found[message.call].events.append(message.value)
    return sorted(found.values(), key=lambda call: call.name)


def _call(request: dict[str, Any]) -> RecordedCall:
    name = request["call"]
    number = int(name[1:])
    return RecordedCall(name, request, next((f"R{each[0]:03}" for each in _TOGETHER if number in each), name))


def records() -> dict[str, dict[str, Any]]:
    """Activation id -> the whole record, of an acknowledgement or of the database."""
    kept = {entry["doc"]["activationId"]: entry["doc"] for name in ("", "_health") for entry in _entries(name)}
    answered = [message.value.get("response") for message in recorded("completed")]
    return {**{each["activationId"]: each for each in answered if isinstance(each, dict)}, **kept}


def _entries(name: str) -> Any:
    return json.loads((FOLDER / "couchdb" / f"activations{name}.json").read_text())


def made_by_controllers() -> dict[str, dict[str, Any]]:
    """Activation id -> the record of a sequence, a composition or a trigger."""
    entries = [*_entries("_sequence"), *_entries("_trigger")]
    return {entry["doc"]["activationId"]: entry["doc"] for entry in entries}


def documents(played: set[str]) -> dict[str, dict[str, Any]]:
    """By id, what these calls left in the database."""
    found = {}
    for name in ("actions", "actions_attached", "actions_blackbox", "sequences", "packages", "bindings", "triggers"):
        for entry in _documents(name):
            if entry["call"] in played:
                found[entry["doc"]["_id"]] = entry["doc"]
    return {**found, **{entry["doc"]["_id"]: entry["doc"] for entry in _documents("rules") if entry["call"] in played}}


def accounts() -> list[dict[str, Any]]:
    """Documents of subjects and of limits, for everybody who called; revisions are left out."""
    found = {entry["doc"]["_id"]: entry["doc"] for name in ("subjects", "limits") for entry in _documents(name)}
    for message in recorded("invoker"):
        user = message.value["user"]
        uuid, _, key = user["authkey"]["api_key"].partition(":")
        space = {"name": user["namespace"]["name"], "uuid": uuid, "key": key}
        if uuid == user["namespace"]["uuid"] and user["subject"] not in found and user["rights"]:
            found[user["subject"]] = {"_id": user["subject"], "subject": user["subject"], "namespaces": [space]}
    return [{name: part for name, part in document.items() if name != "_rev"} for document in found.values()]


def _documents(name: str) -> Any:
    return json.loads((FOLDER / "couchdb" / f"{name}.json").read_text())
