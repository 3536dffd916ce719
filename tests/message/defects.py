"""Activation messages with something wrong in them, and what is to become of each."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

from attrs import frozen

from owactors.message.payload import to_payload

REQUIRED = ("transid", "action", "revision", "user", "blocking", "initArgs", "lockedArgs")
WRONG: dict[str, Any] = {
    "action": 5,
    "revision": 5,
    "user": "somebody",
    "blocking": "yes",
    "content": "text",
    "initArgs": {},
    "lockedArgs": [],
    "cause": "no id",
    "traceContext": [],
}


@frozen
class Defect:
    """`answered`: it says who sent it; `recorded`: it says for whom it was. Else it is only counted."""

    name: str
    payload: bytes
    activation_id: str
    answered: bool = True
    recorded: bool = True


def defects(message: dict[str, Any]) -> Iterator[Defect]:
    """Spoilt copies of a message that can be read, each with an id of its own."""
    for name in REQUIRED:
        value = fresh(message)
        del value[name]
        yield Defect(f"no {name}", to_payload(value), value["activationId"], recorded=name != "user")
    for name, wrong in WRONG.items():
        value = fresh(message) | {name: wrong}
        yield Defect(f"wrong {name}", to_payload(value), value["activationId"], recorded=name != "user")
    for name in ("limits", "rights", "authkey", "subject"):
        value = fresh(message)
        value["user"] = {part: each for part, each in value["user"].items() if part != name}
        yield Defect(f"no user.{name}", to_payload(value), value["activationId"])
    for name, wrong_sender in (("no sender", None), ("sender of a wrong type", "controller0"), ("bad sender", {})):
        value = fresh(message) | {"rootControllerIndex": wrong_sender}
        yield Defect(name, to_payload(value), value["activationId"], answered=False)
    value = fresh(message)
    yield Defect("broken off", to_payload(value)[:-30], value["activationId"])
    value = fresh(message)
    yield Defect("something behind it", to_payload(value) + b"}", value["activationId"])
    value = fresh(message)
    declared = json.dumps({name: value[name] for name in reversed(value)}).encode()
    yield Defect("broken off in its content", declared[:60], value["activationId"], answered=False, recorded=False)
    for name, payload in {
        "no JSON": b"nonsense",
        "no text": b"\xff\xfe\x00",
        "nothing": b"",
        "a list": b"[]",
        "no object": b"5",
        "empty": b"{}",
        "too deep": b"[" * 100_000,
        "no id": to_payload(message | {"activationId": None}),
    }.items():
        yield Defect(name, payload, "", answered=False, recorded=False)


def fresh(message: dict[str, Any]) -> dict[str, Any]:
    """A copy with another id."""
    return {**message, "user": dict(message["user"]), "activationId": uuid.uuid4().hex}
