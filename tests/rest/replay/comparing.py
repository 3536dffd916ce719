"""Comparing an answer with the recorded one: each difference is one line."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Collection, Iterator
from typing import Any

from tests.rest.replay.talking import Reply

_PLACEHOLDERS = {
    "<<id>>": r"[0-9a-f]{32}",
    "<<tid>>": r"[A-Za-z0-9_.-]+",
    "<<ts>>": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z",
    "<<int>>": r"-?\d+",
    "<<any>>": r"[\s\S]*",
}
_PLACEHOLDER = re.compile("(" + "|".join(_PLACEHOLDERS) + ")")
#: depends on which container happened to be free
_NEVER_COMPARED = "initTime"


def body_of(reply: Reply) -> tuple[str, Any]:
    """A body as the cases spell it: ("json" | "text" | "base64" | "empty", value)."""
    if not reply.body:
        return "empty", True
    if "json" in reply.header("content-type"):
        try:
            return "json", json.loads(reply.body)
        except ValueError:
            pass
    try:
        return "text", reply.body.decode()
    except UnicodeDecodeError:
        return "base64", base64.b64encode(reply.body).decode()


def step_differences(expect: dict[str, Any], ignore: Collection[str], role: str, reply: Reply) -> Iterator[str]:
    """Where a reply is not what was recorded; of a step that only sets up just the status is compared."""
    if reply.status != expect["status"]:
        yield f"status {reply.status} instead of {expect['status']}: {reply.body[:300]!r}"
        return
    if role == "setup":
        return
    for name, wanted in expect.get("headers", {}).items():
        yield from _header_differences(name, wanted if isinstance(wanted, list) else [wanted], reply)
    if "*" in ignore:
        return
    kind, value = body_of(reply)
    wanted_kind = next(name for name in ("json", "text", "base64", "empty") if name in expect)
    if kind != wanted_kind:
        yield f"body is {kind} {_short(value)} instead of {wanted_kind} {_short(expect[wanted_kind])}"
    else:
        yield from differences(expect[wanted_kind], value, "", ignore)


def _header_differences(name: str, wanted: list[str], reply: Reply) -> Iterator[str]:
    found = reply.headers_named(name)
    if len(found) != len(wanted) or not all(map(_matches, wanted, found)):
        yield f"header {name} is {found} instead of {wanted}"


def differences(wanted: Any, found: Any, at: str = "", ignore: Collection[str] = ()) -> Iterator[str]:
    """Where a JSON value is not what was wanted; `at` is the place as a JSON pointer."""
    if at in ignore or wanted == "<<any>>":
        return
    if wanted == "<<int>>":
        if not isinstance(found, int) or isinstance(found, bool):
            yield f"{at}: {_short(found)} is no integer"
    elif isinstance(wanted, str):
        if not isinstance(found, str) or not _matches(wanted, found):
            yield f"{at}: {_short(found)} instead of {_short(wanted)}"
    elif isinstance(wanted, dict) and isinstance(found, dict):
        yield from _object_differences(wanted, found, at, ignore)
    elif isinstance(wanted, list) and isinstance(found, list):
        yield from _list_differences(wanted, found, at, ignore)
    elif not _same(wanted, found):
        yield f"{at}: {_short(found)} instead of {_short(wanted)}"


def _same(wanted: Any, found: Any) -> bool:
    if isinstance(wanted, bool) or isinstance(found, bool):
        return wanted is found
    return bool(wanted == found)


def _object_differences(wanted: Any, found: Any, at: str, ignore: Collection[str]) -> Iterator[str]:
    for key in wanted.keys() | found.keys():
        place = f"{at}/{key}"
        if place in ignore:
            continue
        if key not in found:
            yield f"{place}: missing, should be {_short(wanted[key])}"
        elif key not in wanted:
            yield f"{place}: {_short(found[key])} should not be there"
        else:
            yield from differences(wanted[key], found[key], place, ignore)


def _list_differences(wanted: list[Any], found: list[Any], at: str, ignore: Collection[str]) -> Iterator[str]:
    wanted_keys, found_keys = _by_key(wanted), _by_key(found)
    if wanted_keys is not None and found_keys is not None:
        yield from _object_differences(wanted_keys, found_keys, at, ignore)
    elif len(wanted) != len(found):
        yield f"{at}: {len(found)} items instead of {len(wanted)}: {_short(found)}"
    else:
        for index, pair in enumerate(zip(wanted, found, strict=True)):
            yield from differences(*pair, f"{at}/{index}", ignore)


def _by_key(items: list[Any]) -> dict[str, Any] | None:
    """Parameters and annotations as an object, None for any other list."""
    if not items or not all(isinstance(item, dict) and isinstance(item.get("key"), str) for item in items):
        return None
    by_key = {item["key"]: item for item in items}
    if len(by_key) != len(items):
        return None
    by_key.pop(_NEVER_COMPARED, None)
    return by_key


def _matches(wanted: str, found: str) -> bool:
    parts = _PLACEHOLDER.split(wanted)
    if len(parts) == 1:
        return wanted == found
    pattern = "".join(_PLACEHOLDERS.get(part) or re.escape(part) for part in parts)
    return re.fullmatch(pattern, found) is not None


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 240 else text[:240] + " …"
